"""Pronunciation shown whole: letters to sounds, learnt from a dictionary, measured, drawn."""

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.demo.dictionary import read_dictionary
from elman.demo.training import say_what_is_next, train_shipped, write_once
from elman.plots import alignment
from elman.tasks.task import Task
from elman.tasks.translation.reading import Pair
from elman.tasks.translation.task import HELD_OUT
from elman.training import RunFolder

SHOWN = 8
"""Held-out words that are shown."""
SHORTEST_SHOWN = 7
"""Letters of the words that are shown; shorter ones are mostly easy."""
INVENTED = ("brillig", "slithy", "frumious", "uffish", "galumphing")
"""Words of Lewis Carroll's that the dictionary lacks."""
DRAWN = "galumphing"


def demonstrate(folder: Path, say: Callable[[str], None], *, quiet: bool = False) -> None:
    """Learn from a dictionary how words are said, then say words that it lacks.

    Called again it goes on where it was interrupted, or shows the finished model again.

    Args:
        folder: takes the dictionary and, in `demo-g2p`, the run.
        say: takes each line of the show.
        quiet: show no progress while training.

    Raises:
        MissingExtraError: if the package with the dictionary is not installed.
    """
    data = folder / "pronunciations.tsv"
    write_once(data, read_dictionary)
    say(f"Learning to pronounce from {data}, letters to sounds; some minutes on 2 cores.")
    run = RunFolder(folder / "demo-g2p")
    task: Any = train_shipped("demo-g2p", data, run, quiet=quiet)
    held_out = run.path / HELD_OUT
    with task.reading(str(held_out)) as pairs:
        _measure(task, pairs, say)
        _pronounce_held_out(task, pairs, say)
    say("\nWords that Lewis Carroll made up:\n")
    for answer in task.predict(INVENTED, "word"):
        say(f"    {answer['input']:<16} {answer['output']}")
    picture = run.plots / "attention.png"
    _draw(task, DRAWN, picture)
    say(f"\nWhich letters it looked at for each sound of {DRAWN!r}: {picture}")
    commands = (
        f"elman predict {run.path} jabberwocky bandersnatch",
        f"elman evaluate {run.path} {held_out}",
        f"elman inspect {run.path} {held_out}",
        f"elman train translate {data} --config g2p --out {folder / 'g2p'}",
    )
    say_what_is_next(run, commands, say)


def _measure(task: Any, pairs: Sequence[Pair], say: Callable[[str], None]) -> None:
    found = task.evaluate(pairs)
    say(
        f"\nOf {found['words']:,} words it never saw it gets {found['word_error']:.1%} wrong "
        f"(word error), and {found['phoneme_error']:.1%} of their sounds (phoneme error)."
    )


def _pronounce_held_out(task: Task, pairs: Iterable[Pair], say: Callable[[str], None]) -> None:
    """Say some of the held-out words, drawn by chance, beside the dictionary."""
    right: dict[str, list[str]] = {}
    for word, sounds in pairs:
        if len(word) >= SHORTEST_SHOWN:
            right.setdefault(word, []).append(sounds)
    words = random.Random(1).sample(sorted(right), min(SHOWN, len(right)))
    answers = list(task.predict(words, "word"))
    width = max(len(str(answer["output"])) for answer in answers)
    say("\nSome of them, drawn by chance, and what the dictionary says where that differs:\n")
    for word, answer in zip(words, answers, strict=True):
        known = right[word]
        verdict = "right" if answer["output"] in known else " or ".join(known)
        say(f"    {word:<16} {answer['output']:<{width}}  {verdict}")


def _draw(task: Task, word: str, path: Path) -> None:
    """Draw where the decoder looks while it writes the sounds of a word."""
    (answer,) = task.predict([word], "word")
    weights = np.array(answer["attention"])
    alignment(answer["source_tokens"], answer["target_tokens"], weights, path)
