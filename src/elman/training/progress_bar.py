"""What a person watches while a model is trained."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class ProgressBar:
    """One line on standard error: epoch, bar, speed, loss and other measures, time left.

    Args:
        progress: the drawing.
        total: updates of the whole training.
        done: updates made so far.
    """

    def __init__(self, progress: Progress, total: int, done: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total, completed=done, epoch="", numbers="")

    def advance(
        self,
        step: int,
        epoch: str,
        targets_per_second: float,
        loss: float,
        measures: Mapping[str, float],
    ) -> None:
        """Show how far the training is.

        Args:
            step: updates made.
            epoch: the present epoch of how many, as text.
            targets_per_second: speed.
            loss: recent training loss, nats a target.
            measures: what else this loss says, by name.
        """
        parts = [f"{targets_per_second:,.0f} targets/s", f"loss {loss:.3f}"]
        parts += [f"{name} {value:.4g}" for name, value in measures.items()]
        self._progress.update(self._task, completed=step, epoch=epoch, numbers="  ".join(parts))

    def say(self, line: str) -> None:
        """Print a line above the bar.

        Args:
            line: the line.
        """
        self._progress.console.print(line, highlight=False, markup=False)


@contextmanager
def progress_bar(total: int, done: int, *, quiet: bool) -> Iterator[ProgressBar]:
    """Show a progress bar while the block runs.

    Args:
        total: updates of the whole training.
        done: updates made so far.
        quiet: show nothing.

    Yields:
        The bar.
    """
    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[numbers]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    console = Console(stderr=True, quiet=quiet)
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as drawing:
        yield ProgressBar(drawing, total, done)
