"""What the documentation shows runs: docstring examples, Python blocks, examples, options."""

import doctest
import os
import re
import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from elman.cli.main import COMMANDS, run
from elman.config import shipped_names
from elman.tasks.language_model import LanguageModelConfig
from elman.tasks.task import Sources
from elman.training import TrainingOptions, train

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    for path in sorted((ROOT / "src").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_docstring_examples(name):
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path, capsys):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out


def test_the_smallest_example_learns_its_word(capsys):
    runpy.run_path(str(ROOT / "examples" / "namaskar.py"))
    assert "n -> amaskar" in capsys.readouterr().out


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder in which the run and the text of the pages exist."""
    folder = tmp_path_factory.mktemp("pages")
    text = folder / "shakespeare.txt"
    text.write_text("ROMEO:\nTo be, or not to be\n\nJULIET:\nthat is the question\n" * 20, "utf-8")
    config = LanguageModelConfig(hidden_size=8, embedding_size=4)
    options = TrainingOptions(learn="tbptt", unroll=8, batch_size=4, epochs=1, device="cpu")
    out = folder / "runs" / "shakespeare"
    out.parent.mkdir()
    train("lm", config, options, Sources((str(text),)), out, quiet=True)
    return folder


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem
)
def test_python_of_the_pages(page, workplace):
    # The blocks of a page follow one another, in a process of their own that sees only them.
    program = workplace / "page.py"
    program.write_text("\n".join(blocks(page, "python")), "utf-8")
    result = subprocess.run(
        [sys.executable, program.name],
        cwd=workplace,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def commands(page: Path) -> list[str]:
    """The `elman` commands that a page shows, continued lines joined."""
    joined = "".join(blocks(page, "sh")).replace("\\\n", " ")
    return re.findall(r"^(?:\$ )?elman (.+)$", joined, flags=re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda p: p.stem)
def test_commands_of_the_pages_exist_with_their_options(page, capsys):
    for line in commands(page):
        command, *arguments = line.split()
        if command.startswith("--"):
            continue
        assert command in COMMANDS, line
        task = [arguments[0]] if command == "train" else []
        with pytest.raises(SystemExit):
            run([command, *task, "--help"])
        known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        assert set(re.findall(r"(?<= )--[a-z-]+", line)) <= known, line
        assert set(re.findall(r"--config ([a-z0-9-]+)(?= |$)", line)) <= set(shipped_names()), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page):
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose)
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_of_the_documentation_is_linked_from_the_front_page():
    front = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [p.name for p in (ROOT / "docs").glob("*.md") if f"docs/{p.name}" not in front] == []
