"""How much each token of a text surprised a language model."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from elman.plots.shaded_text import shaded_text

if TYPE_CHECKING:
    import matplotlib.colors


def surprisal(
    tokens: Sequence[str],
    bits: Float[np.ndarray, " time"],
    path: Path,
    *,
    columns: int = 80,
    gap: int = 0,
) -> None:
    """Lay a text out, every token the darker the less it was expected.

    Args:
        tokens: the text, character by character or word by word.
        bits: the surprisal of each token, at least 0; infinite ones have the darkest colour.
        path: the PNG file to write.
        columns: characters a row, at least 1; the end of a longer token is left out.
        gap: blank columns between tokens: 1 for words, 0 where tokens hold their own spaces.

    Raises:
        ValueError: if there is no token, the sizes do not agree, or the picture would be too tall
            to be written.

    Reference:
        Hale 2001, "A probabilistic Earley parser as a psycholinguistic model", section 1.
    """
    if not tokens or bits.shape != (len(tokens),):
        raise ValueError(
            f"Surprisal must be [{len(tokens)} tokens] with at least one, got {list(bits.shape)}."
        )
    most = float(np.max(bits, initial=1.0, where=np.isfinite(bits)))
    levels = np.minimum(bits / most, 1.0)[:, None]
    title = f"Surprisal, mean {bits.mean():.2f} bits a token"
    ends = ("0", f"{most:.1f} bits")
    shaded_text(tokens, levels, [title], _colours(), ends, path, columns=columns, gap=gap)


def _colours() -> "matplotlib.colors.Colormap":
    """White to orange, light enough for dark letters."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("surprisal", ["#ffffff", "#f0935a"])
