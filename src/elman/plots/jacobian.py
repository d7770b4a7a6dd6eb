"""The recurrent Jacobian along a sequence."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from elman.plots.style import FAINT, INK, Series, label, line_colour, picture


class Spectrum(NamedTuple):
    """What is drawn of one system.

    Args:
        steps: time steps.
        spectral_radius: at each of them.
        singular_values: at each of them, `[steps, state]`.
    """

    steps: Sequence[int]
    spectral_radius: Series
    singular_values: Float[np.ndarray, "steps state"]


def recurrent_jacobians(spectra: Mapping[str, Spectrum], path: Path) -> None:
    r"""Draw spectral radius and singular values of $\partial s_t / \partial s_{t-1}$ over time.

    A panel a system: a line for the spectral radius, bands from the smallest to the largest
    singular value and over the middle half of them. A gradient sent back through a step grows at
    most by the largest singular value; where that stays below 1 it must vanish.

    Args:
        spectra: what to draw, by label.
        path: the PNG file to write.

    Raises:
        ValueError: if there is no system.

    Reference:
        Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks",
        section 2.1.
    """
    if not spectra:
        raise ValueError("spectra is empty: there is no Jacobian to draw.")
    with picture(path, 8.0, 1.2 + 1.8 * len(spectra)) as figure:
        panels = figure.subplots(len(spectra), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for index, (axes, (name, spectrum)) in enumerate(zip(panels, spectra.items(), strict=True)):
            colour = line_colour(index)
            lines = np.quantile(spectrum.singular_values, [0, 0.25, 0.75, 1], axis=1)
            axes.fill_between(spectrum.steps, lines[0], lines[3], color=colour, alpha=0.15)
            axes.fill_between(spectrum.steps, lines[1], lines[2], color=colour, alpha=0.3)
            axes.plot(spectrum.steps, spectrum.spectral_radius, color=INK, label="spectral radius")
            axes.plot(spectrum.steps, lines[3], color=colour, label="largest singular value")
            axes.axhline(1.0, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
            axes.set_title(label(name))
        panels[0].set_ylim(bottom=0)
        panels[0].legend(loc="upper right", ncols=2)
        panels[-1].set_xlabel("time step")
