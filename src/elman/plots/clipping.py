"""Gradient norms over a training, and how many were clipped."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elman.plots.style import FAINT, line_colour, marker, picture


def clipped_updates(records: Sequence[Mapping[str, Any]], clip: float, path: Path) -> None:
    """Draw the gradient's norm against training steps, and the share of clipped updates below it.

    Args:
        records: training lines of `metrics.jsonl` with "step", "gradient_norm" and "clipped",
            means over the updates since the line before.
        clip: the norm above which gradients were scaled down; infinite for none.
        path: the PNG file to write.

    Raises:
        ValueError: if there is no record.
    """
    if not records:
        raise ValueError("No record has a gradient norm: there is nothing to draw.")
    steps = [record["step"] for record in records]
    norms = [record["gradient_norm"] for record in records]
    with picture(path, 8.0, 5.0) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        upper.plot(steps, norms, color=line_colour(0), marker=marker(norms))
        upper.set_yscale("log")
        upper.set_ylabel("gradient norm, mean")
        if min(norms) / 30 < clip < max(norms) * 30:  # else the line would flatten the curve
            upper.axhline(clip, color=FAINT, linestyle=(0, (4, 3)))
            upper.annotate(f"clip {clip:g}", (steps[0], clip), xytext=(2, 3),
                           textcoords="offset points", color=FAINT)  # fmt: skip
        shares = [100 * record["clipped"] for record in records]
        # Each share is of the updates since the line before.
        lower.stairs(shares, [0, *steps], color=line_colour(1), fill=True)
        lower.set_ylim(-5, 105)
        lower.set_ylabel("clipped, %")
        lower.set_xlabel("step")
