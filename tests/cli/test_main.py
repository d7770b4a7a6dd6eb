import os
import subprocess
import sys

import pytest

from elman.cli.main import COMMANDS, run

BUFFERED = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
"""Python's own buffer hides a failure of standard output until it is emptied."""
QUICK = """
import sys
from elman.cli.main import run
status = run({arguments!r})
assert status == {status}, status
loaded = {{"torch", "numpy", "matplotlib", "tyro", "lightning_fabric"}} & set(sys.modules)
assert loaded <= {allowed!r}, loaded
"""


@pytest.mark.parametrize(
    ("arguments", "status", "allowed"),
    [([], 0, set()), (["--help"], 0, set()), (["--version"], 0, set()), (["sing"], 2, set())],
    ids=str,
)
def test_help_answers_without_the_libraries(arguments, status, allowed):
    script = QUICK.format(arguments=arguments, status=status, allowed=allowed)
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_help_names_every_command(elman):
    for arguments in ((), ("--help",), ("-h",)):
        answer = elman(*arguments)
        assert (answer.status, answer.errors) == (0, "")
        assert all(f"  {command} " in answer.output for command in COMMANDS)
    assert elman("train").status == elman("train", "--help").status == 0


@pytest.mark.parametrize(
    "command", [*(c for c in COMMANDS if c != "train"), "train lm"], ids=lambda c: c
)
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as end:
        run([*command.split(), "--help"])
    output, errors = capsys.readouterr()
    assert end.value.code == 0
    assert errors == ""
    assert f"usage: elman {command}" in output
    flat = " ".join(output.replace("\u2502", " ").replace("|", " ").split())  # out of its frame
    assert "None" not in flat.replace("{None}", "").replace("(default: None)", "")


def test_module_runs_the_command_line():
    answer = subprocess.run(
        [sys.executable, "-m", "elman", "--version"], capture_output=True, text=True, check=True
    )
    assert answer.stdout.startswith("elman ")


def test_a_reader_that_leaves_early_is_no_error(trained):
    generate = f"{sys.executable} -m elman generate {trained}/char --length 20000"
    script = f"set -o pipefail; {generate} | head -c 5"
    for environment in (BUFFERED, {**BUFFERED, "PYTHONUNBUFFERED": "1"}):
        answer = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, env=environment
        )
        assert (answer.returncode, answer.stderr) == (0, "")
        assert len(answer.stdout) == 5


def test_a_full_disk_under_the_output_is_one_line(trained):
    for command in (f"generate {trained}/char --length 3", "train --help", ""):
        answer = subprocess.run(
            ["bash", "-c", f"{sys.executable} -m elman {command} > /dev/full"],
            capture_output=True,
            text=True,
            env=BUFFERED,
        )
        assert answer.returncode == 2
        asked = " ".join(["elman", *command.split()[:1]])
        assert answer.stderr == f"{asked}: No space left on device.\n"
