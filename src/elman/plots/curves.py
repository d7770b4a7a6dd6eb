"""Learning curves."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from elman.plots.perplexity import add_perplexity_axis
from elman.plots.style import FAINT, INK, label, line_colour, marker, picture

if TYPE_CHECKING:
    import matplotlib.axes


class Curve(NamedTuple):
    """Values over training steps, NaN where they are not finite."""

    steps: list[float]
    values: list[float]


def learning_curves(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw losses against training steps, and the learning rate below them.

    Perplexity is on a second axis if the records have it. Values that are not finite leave
    gaps; the best validation loss is marked.

    Args:
        records: lines of `metrics.jsonl`: "step", "split", "loss" in nats, and perhaps
            "perplexity" and "learning_rate".
        path: the PNG file to write.

    Raises:
        ValueError: if no record has a finite loss.
    """
    from matplotlib.ticker import MaxNLocator

    splits = dict.fromkeys(str(record["split"]) for record in records)
    curves = {
        split: _curve([record for record in records if record["split"] == split], "loss")
        for split in splits
    }
    curves = {split: curve for split, curve in curves.items() if _is_visible(curve)}
    if not curves:
        raise ValueError("No record has a finite loss: there is no learning curve to draw.")
    rate = _curve(records, "learning_rate")
    has_rate = _is_visible(rate)
    with picture(path, 8.0, 5.4 if has_rate else 4.2) as figure:
        panels = figure.subplots(
            1 + has_rate, 1, sharex=True, squeeze=False, height_ratios=[4, 1][: 1 + has_rate]
        )[:, 0]
        _draw_losses(panels[0], curves)
        if any(record.get("perplexity") is not None for record in records):
            add_perplexity_axis(panels[0])
        if has_rate:
            panels[1].step(
                rate.steps, rate.values, where="post", color=FAINT, marker=marker(rate.values)
            )
            panels[1].set_ylim(bottom=0)
            panels[1].set_ylabel("learning rate")
        panels[-1].set_xlabel("step")
        panels[-1].xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def _draw_losses(axes: "matplotlib.axes.Axes", curves: Mapping[str, Curve]) -> None:
    """Draw a line a split, and a ring around the best validation loss."""
    for index, (split, curve) in enumerate(curves.items()):
        axes.plot(
            curve.steps,
            curve.values,
            color=line_colour(index),
            label=label(split),
            linewidth=1.0 if len(curve.steps) > 200 else None,
            marker=marker(curve.values),
        )
    if "valid" in curves:
        finite = [pair for pair in zip(*curves["valid"], strict=True) if math.isfinite(pair[1])]
        step, best = min(finite, key=lambda pair: pair[1])
        axes.plot(
            step, best, "o", markersize=9, color=INK, fillstyle="none",
            label=f"best: {best:.4g} at step {step:,.0f}",
        )  # fmt: skip
    axes.set_ylabel("loss (nats)")
    axes.legend()


def _curve(records: Sequence[Mapping[str, Any]], key: str) -> Curve:
    """Collect one quantity over the steps that have it."""
    pairs = [(record["step"], record[key]) for record in records if record.get(key) is not None]
    steps, values = zip(*pairs, strict=True) if pairs else ((), ())
    return Curve(list(steps), [value if math.isfinite(value) else math.nan for value in values])


def _is_visible(curve: Curve) -> bool:
    """Tell whether there is a finite value to draw."""
    return any(math.isfinite(value) for value in curve.values)
