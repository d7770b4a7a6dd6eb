"""Quality by the length of what was read."""

from collections.abc import Mapping
from pathlib import Path

from elman.plots.style import FAINT, Series, label, line_colour, picture

FEW_SENTENCES = 10
"""What fewer sentences say is little."""


def quality_by_length(
    sizes: Mapping[str, int], systems: Mapping[str, Series], path: Path, *, quantity: str
) -> None:
    """Draw how good translations are by the length of their sources, a line a system.

    A point of fewer than `FEW_SENTENCES` is hollow: chance may have put it there.

    Args:
        sizes: for each group of lengths, the shortest first, how many sentences it has.
        systems: for each label the quality in each group.
        path: the PNG file to write.
        quantity: what the quality is, with its unit.

    Raises:
        ValueError: if there is no group or no system, or one has not a value for each group.

    Reference:
        Bahdanau, Cho & Bengio 2014, figure 2.
    """
    if not sizes or not systems or any(len(s) != len(sizes) for s in systems.values()):
        raise ValueError(
            f"Quality by length needs at least one group and one system with a value for each of "
            f"the {len(sizes)} groups, got {[len(series) for series in systems.values()]}."
        )
    with picture(path, 8.0, 4.2) as figure:
        axes = figure.add_subplot()
        few = [place for place, size in enumerate(sizes.values()) if size < FEW_SENTENCES]
        for index, (name, series) in enumerate(systems.items()):
            colour = line_colour(index)
            axes.plot(series, label=label(name), color=colour, marker="o")
            hollow = [series[place] for place in few]
            axes.plot(few, hollow, "o", color=colour, markerfacecolor="white")
        axes.set_ylim(bottom=0.0)
        axes.set_xticks(range(len(sizes)), list(sizes))
        axes.set_xlabel("source length (tokens)")
        axes.set_ylabel(quantity)
        for place, size in enumerate(sizes.values()):
            axes.annotate(
                f"n = {size:,}",
                (place, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 4),
                textcoords="offset points",
                horizontalalignment="center",
                color=FAINT,
                fontsize=8,
            )
        axes.legend()
