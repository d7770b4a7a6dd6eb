"""The language model shown whole: trained on the plays, scoring, generating, drawing."""

import random
from collections.abc import Callable
from pathlib import Path

from elman.decoding import Sampler
from elman.demo.plays import read_plays
from elman.demo.training import say_what_is_next, train_shipped, write_once
from elman.tasks.language_model import LanguageModelTask
from elman.training import RunFolder

MODERN = "Please send me the link to the video meeting."
HELD_OUT_LINES = 3
SCENE_TEMPERATURE = 0.7
"""Below 1, for a model this young is too fond of the unlikely."""


def demonstrate(folder: Path, say: Callable[[str], None], *, quiet: bool = False) -> None:
    """Train a language model on Shakespeare's plays, then show what it can do.

    Called again it goes on where it was interrupted, or shows the finished model again.

    Args:
        folder: takes the text and, in `demo-lm`, the run.
        say: takes each line of the show.
        quiet: show no progress while training.

    Raises:
        MissingExtraError: if the package with the plays is not installed.
    """
    text = folder / "plays.txt"
    write_once(text, read_plays)
    say(f"Learning to write from {text}, letter by letter; some minutes on 2 cores.")
    run = RunFolder(folder / "demo-lm")
    task = train_shipped("demo-lm", text, run, quiet=quiet)
    assert isinstance(task, LanguageModelTask)
    _score(task, text, say)
    say("\nA scene it makes up:\n")
    scene = task.generate("\n\nROMEO:\n", length=600, sampler=Sampler(SCENE_TEMPERATURE), seed=1)
    for line in scene[0].strip().splitlines():
        say(f"    {line}")
    commands = (
        f"elman score {run.path} 'To be, or not to be' --tokens",
        f"elman generate {run.path} --prompt 'JULIET:' --temperature 0.7",
        f"elman inspect {run.path}",
        "elman train lm YOUR_TEXT --out runs/mine",
    )
    say_what_is_next(run, commands, say)


def _score(task: LanguageModelTask, text: Path, say: Callable[[str], None]) -> None:
    """Score lines of the held-out end of the text, the same shuffled, and a modern sentence."""
    lines = text.read_text(encoding="utf-8").splitlines()
    verses = [line for line in lines[-len(lines) // 20 :] if 40 < len(line) < 50]
    draw = random.Random(1)
    rows = []
    for line in draw.sample(verses, HELD_OUT_LINES):
        words = line.split()
        draw.shuffle(words)
        rows += [("a line it never saw", line), ("its words shuffled", " ".join(words))]
    rows.append(("a modern sentence", MODERN))
    say("\nHow likely it finds lines it never saw (perplexity a letter; lower is likelier):\n")
    for (what, line), (score, _) in zip(rows, task.score([r[1] for r in rows]), strict=True):
        say(f"    {score['perplexity']:6.2f}  {what:<20} {line}")
