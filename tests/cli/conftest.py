"""The command line called in-process, and trained runs to call it on."""

import shutil
from typing import NamedTuple

import pytest

from elman.cli.main import run

TINY = ["--hidden-size", "8", "--embedding-size", "8", "--unroll", "8", "--batch-size", "4"]
TINY += ["--epochs", "1", "--quiet"]


class Answer(NamedTuple):
    """What a command answered."""

    status: int
    output: str
    errors: str


@pytest.fixture
def elman(capsys, tmp_path, monkeypatch):
    """Calls `elman` with arguments, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        return Answer(status, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def tiny():
    """Options of a training of a moment."""
    return TINY


@pytest.fixture(scope="session")
def trained(tmp_path_factory, text):
    """Runs trained once, by unit."""
    folder = tmp_path_factory.mktemp("runs")
    for unit in ("char", "word"):
        assert (
            run(["train", "lm", str(text), "--unit", unit, "--out", f"{folder}/{unit}", *TINY]) == 0
        )
    ngram = ["--model", "ngram", "--order", "3", "--out", f"{folder}/ngram", "--quiet"]
    assert run(["train", "lm", str(text), *ngram]) == 0
    return folder


@pytest.fixture
def run_folder(trained, tmp_path):
    """A run of characters, to be damaged at will."""
    shutil.copytree(trained / "char", tmp_path / "RUN")
    return tmp_path / "RUN"
