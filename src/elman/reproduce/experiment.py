"""What a published result is: a paper, a setting, its numbers, and how ours are measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One number of an experiment.

    Args:
        name: what was measured, such as a system; the key of its value in a run's results.
        measure: the quantity and its unit.
        published: the paper's number; None if it has none.
        target: the number that ours must reach; None if it is only reported.
        higher_is_better: whether reaching means at least, not at most, the target.
    """

    name: str
    measure: str
    published: float | None = None
    target: float | None = None
    higher_is_better: bool = False

    def reached(self, value: float) -> bool | None:
        """Tell whether a number reaches the target.

        Args:
            value: ours.

        Returns:
            None where there is no target.
        """
        if self.target is None:
            return None
        return value >= self.target if self.higher_is_better else value <= self.target


@dataclass(frozen=True)
class Experiment:
    """A published result that can be measured again.

    Args:
        paper: authors, year and title, and where in it the numbers stand.
        setting: what is trained on what, in one or two sentences, with what differs.
        rows: its numbers.
        run: measures them all for one seed, as values by the names of the rows.
        draw: makes pictures in a folder and returns their paths by what they show; None if there
            are none.
        seeds: runs that are usual.
    """

    paper: str
    setting: str
    rows: tuple[Row, ...]
    run: Callable[[int], Mapping[str, float]]
    draw: Callable[[Path], Mapping[str, Path]] | None = None
    seeds: int = 5
