"""The language model shown whole: trained on the plays, scoring, generating, drawing."""

import random
from collections.abc import Callable
from pathlib import Path

from elman.config import from_mapping, read_toml, settings_file, values_of
from elman.decoding import Sampler
from elman.demo.plays import read_plays
from elman.files import written_atomically
from elman.plots import learning_curves
from elman.tasks.language_model import LanguageModelConfig, LanguageModelTask
from elman.tasks.task import Sources
from elman.training import RunFolder, TrainingOptions, train

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
    if not text.exists():
        plays = read_plays()
        folder.mkdir(parents=True, exist_ok=True)
        with written_atomically(text) as temporary:
            temporary.write_text(plays, encoding="utf-8")
    say(f"Learning to write from {text}, letter by letter; some minutes on 2 cores.")
    run = RunFolder(folder / "demo-lm")
    task = _train(text, run.path, quiet=quiet)
    run.plots.mkdir(exist_ok=True)
    learning_curves(run.read_metrics(), run.plots / "learning_curves.png")
    _score(task, text, say)
    say("\nA scene it makes up:\n")
    scene = task.generate("\n\nROMEO:\n", length=600, sampler=Sampler(SCENE_TEMPERATURE), seed=1)
    for line in scene[0].strip().splitlines():
        say(f"    {line}")
    say(f"\nThe run folder, which is the saved model: {run.path}")
    say(f"Learning curves: {run.plots / 'learning_curves.png'}")
    say("Go on with:")
    for command in (
        f"elman score {run.path} 'To be, or not to be' --tokens",
        f"elman generate {run.path} --prompt 'JULIET:' --temperature 0.7",
        f"elman inspect {run.path}",
        "elman train lm YOUR_TEXT --out runs/mine",
    ):
        say(f"    {command}")


def _train(text: Path, out: Path, *, quiet: bool) -> LanguageModelTask:
    path = settings_file("demo-lm")
    values = read_toml(path)
    of_model = values_of(LanguageModelConfig, values)
    others = {key: value for key, value in values.items() if key not in of_model}
    config = from_mapping(LanguageModelConfig, of_model, str(path))
    options = from_mapping(TrainingOptions, others, str(path))
    resume = (out / "config.toml").exists()
    task = train("lm", config, options, Sources((str(text),)), out, resume=resume, quiet=quiet)
    assert isinstance(task, LanguageModelTask)
    return task


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
