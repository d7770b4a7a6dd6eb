"""The demonstration of pronunciation, on a small language."""

import random
import shlex

import numpy as np
import pytest

from elman.cli.main import run
from elman.config import read_toml, settings_file
from elman.demo import training, translate
from elman.tasks.translation import TranslationTask
from elman.training import loop

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
SHORT = ["--epochs", "1", "--hidden-size", "8", "--embedding-size", "8", "--quiet"]
SMALL = {"epochs": "3", "hidden_size": "8", "embedding_size": "8", "batch_size": "32", "beam": "2"}


def dictionary():
    """Words of all letters, long and short, that sound as they are written."""
    draw = random.Random(1)
    words = ["".join(draw.choices(LETTERS, k=draw.randint(6, 10))) for _ in range(160)]
    rows = [f"{word}\t{' '.join(word.upper())}\n" for word in words]
    return "".join([*rows, *(row.replace("\t", "\tH ") for row in rows)])


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Makes the demonstration small, and gives a folder for it that is not there yet."""
    values = read_toml(settings_file("demo-g2p"))
    lines = [f"{key} = {SMALL.get(key) or repr(value).lower()}" for key, value in values.items()]
    settings = tmp_path / "small.toml"
    settings.write_text("\n".join(lines))
    monkeypatch.setattr(training, "settings_file", lambda name: settings)
    monkeypatch.setattr(translate, "read_dictionary", dictionary)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "made" / "here"


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_ends_in_commands_that_work_and_shows_a_finished_model_again(small, capsys):
    lines: list[str] = []
    translate.demonstrate(small, lines.append, quiet=True)
    for command in lines[lines.index("Go on with:") + 1 :]:
        program, *arguments = shlex.split(command)
        assert program == "elman"
        if arguments[0] == "train":
            arguments += SHORT
        assert run(arguments) == 0, capsys.readouterr().err
    before = files(small / "demo-g2p")
    again: list[str] = []
    translate.demonstrate(small, again.append, quiet=True)
    assert again == lines
    assert files(small / "demo-g2p") == before


def spelt(word):
    """The answer of a model that says every letter, and looks at it."""
    return {
        "input": word,
        "output": " ".join(word.upper()),
        "source_tokens": [*word, "<eos>"],
        "target_tokens": [*word.upper(), "<eos>"],
        "attention": np.eye(len(word) + 1).tolist(),
    }


@pytest.fixture
def show(small, monkeypatch):
    """Calls the demonstration with given answers; gives its lines, and what was drawn."""

    def call(answer):
        drawn = []
        lines: list[str] = []
        monkeypatch.setattr(translate, "alignment", lambda *what: drawn.append(what))
        monkeypatch.setattr(
            TranslationTask, "predict", lambda self, words, where: map(answer, words)
        )
        translate.demonstrate(small, lines.append, quiet=True)
        return lines, *drawn

    return call


def test_it_shows_held_out_words_and_the_right_answers(show, small):
    lines, (source, target, weights, picture) = show(spelt)
    rows = (small / "demo-g2p/held_out.tsv").read_text().splitlines()
    shown = [line.split()[0] for line in lines if line.endswith("  right")]
    assert len(shown) == translate.SHOWN
    assert {*shown} <= {row.split("\t")[0] for row in rows}
    assert all(len(word) >= translate.SHORTEST_SHOWN for word in shown)
    assert f"    {'brillig':<16} B R I L L I G" in lines
    assert source == [*"galumphing", "<eos>"]
    assert target == [*"GALUMPHING", "<eos>"]
    assert weights.shape == (11, 11)
    assert any(line.endswith(str(picture)) for line in lines)


def test_wrong_answers_stand_beside_the_right_ones(show):
    lines, _ = show(lambda word: {**spelt(word), "output": "X"})
    shown = [line.split(maxsplit=2) for line in lines if " or " in line]
    assert len(shown) == translate.SHOWN
    assert all(said == "X" and right == both(word) for word, said, right in shown)


def both(word):
    letters = " ".join(word.upper())
    return f"{letters} or H {letters}"


def test_it_goes_on_where_it_was_interrupted(small, monkeypatch):
    update = loop.Loop._update

    def interrupting(self, batch):
        if self.progress.epoch == 1:  # when there are weights already
            self.interrupt.requested = True
        return update(self, batch)

    monkeypatch.setattr(loop.Loop, "_update", interrupting)
    with pytest.raises(KeyboardInterrupt):
        translate.demonstrate(small, lambda line: None, quiet=True)
    monkeypatch.setattr(loop.Loop, "_update", update)
    lines: list[str] = []
    translate.demonstrate(small, lines.append, quiet=True)
    whole: list[str] = []
    translate.demonstrate(small.parent / "else", whole.append, quiet=True)
    assert lines == [line.replace(str(small.parent / "else"), str(small)) for line in whole]
