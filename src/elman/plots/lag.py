"""How far back in time a gradient reaches."""

import math
from collections.abc import Mapping
from pathlib import Path

from elman.plots.style import FAINT, Series, label, line_colour, marker, picture

SMALLEST = 1e-24
"""What is below has vanished, by whatever factor."""


def gradient_norm_by_lag(norms: Mapping[str, Series], path: Path) -> None:
    r"""Draw $|\partial L_T / \partial h_{T-k}|$ against k, relative to k = 0, a line a system.

    A line that falls straight on the logarithmic scale is a gradient that vanishes
    exponentially, one that rises straight a gradient that explodes.

    Args:
        norms: for each label the gradient's norm at time lags 0, 1, ..., in steps. Norms that
            are zero or not finite leave gaps.
        path: the PNG file to write.

    Raises:
        ValueError: if there is no series, or the norm at lag 0 of one is not above 0 and finite.

    Reference:
        Bengio, Simard & Frasconi 1994, "Learning Long-Term Dependencies with Gradient Descent is
        Difficult"; Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent
        neural networks", section 2.
    """
    from matplotlib.ticker import MaxNLocator

    if not norms:
        raise ValueError("norms is empty: there is no gradient to draw.")
    for name, series in norms.items():
        if len(series) == 0 or not 0.0 < series[0] < math.inf:
            raise ValueError(f"{name}: the norm at lag 0 must be above 0 and finite.")
    with picture(path, 8.0, 4.6) as figure:
        axes = figure.add_subplot()
        axes.axhline(1.0, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
        for index, (name, series) in enumerate(norms.items()):
            relative = [norm / series[0] if 0.0 < norm < math.inf else math.nan for norm in series]
            axes.plot(
                relative, label=label(name), color=line_colour(index), marker=marker(relative)
            )
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(axes.get_ylim()[0], SMALLEST))
        axes.set_xlabel("time lag (steps back)")
        axes.set_ylabel("gradient norm / norm at lag 0")
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        axes.legend(frameon=True, edgecolor="none")
