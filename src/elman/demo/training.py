"""What all demonstrations do: prepare data once, train by shipped settings, say what is next."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from elman.config import from_mapping, read_toml, settings_file, values_of
from elman.files import written_atomically
from elman.plots import learning_curves
from elman.tasks import find_task
from elman.tasks.task import Sources, Task
from elman.training import RunFolder, TrainingOptions, train


def write_once(path: Path, text: Callable[[], str]) -> None:
    """Write a text, if it is not there from before.

    Args:
        path: the file; its folder is made if need be.
        text: makes what it holds.
    """
    if path.exists():
        return
    made = text()
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_atomically(path) as temporary:
        temporary.write_text(made, encoding="utf-8")


def train_shipped(name: str, data: Path, run: RunFolder, *, quiet: bool) -> Task:
    """Train with settings that come with the package, and draw the learning curves.

    Called again it goes on where it was interrupted, or loads the finished model.

    Args:
        name: of the settings.
        data: the file to learn from.
        run: the run folder.
        quiet: show no progress.

    Returns:
        The trained task.
    """
    path = settings_file(name)
    values = read_toml(path)
    kind = values.pop("task", "lm")
    config_class = find_task(kind).config_class
    of_model = values_of(config_class, values)
    others = {key: value for key, value in values.items() if key not in of_model}
    config: Any = from_mapping(config_class, of_model, str(path))
    options = from_mapping(TrainingOptions, others, str(path))
    resume = run.config_file.exists()
    task = train(kind, config, options, Sources((str(data),)), run.path, resume=resume, quiet=quiet)
    run.plots.mkdir(exist_ok=True)
    learning_curves(run.read_metrics(), run.plots / "learning_curves.png")
    return task


def say_what_is_next(run: RunFolder, commands: Sequence[str], say: Callable[[str], None]) -> None:
    """Name what has been made, and commands to go on with.

    Args:
        run: the run folder.
        commands: what to type.
        say: takes each line.
    """
    say(f"\nThe run folder, which is the saved model: {run.path}")
    say(f"Learning curves: {run.plots / 'learning_curves.png'}")
    say("Go on with:")
    for command in commands:
        say(f"    {command}")
