"""The demonstrations at the command line; what they show is tested in tests/demo."""

from pathlib import Path

import pytest


@pytest.mark.parametrize(("arguments", "task"), [([], "lm"), (["translate"], "translate")])
def test_a_demonstration_is_chosen_by_its_task(elman, monkeypatch, arguments, task):
    called = []
    monkeypatch.setattr(
        f"elman.demo.{task}.demonstrate", lambda *given, quiet: called.append((*given, quiet))
    )
    assert elman("demo", *arguments).status == 0
    assert elman("demo", *arguments, "--out", "here", "--quiet").status == 0
    assert called == [(Path("runs"), print, False), (Path("here"), print, True)]


def test_an_interrupted_demonstration_says_how_to_go_on(elman, monkeypatch):
    def interrupted(folder, say, *, quiet):
        raise KeyboardInterrupt

    monkeypatch.setattr("elman.demo.translate.demonstrate", interrupted)
    answer = elman("demo", "translate")
    assert (answer.status, answer.output) == (130, "")
    assert answer.errors == "elman: interrupted: the same command goes on from here.\n"
