"""Where a network looks in a story."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from elman.plots.style import INK, label, picture

ROW_HEIGHT = 0.28  # inches
LARGEST_HEIGHT = 400.0  # inches: beyond it Agg cannot draw at this resolution


def story_attention(
    sentences: Sequence[str],
    question: str,
    attention: Float[np.ndarray, "hops sentences"],
    path: Path,
) -> None:
    """Draw the share that each sentence has of each look at the story.

    Args:
        sentences: of the story, in order.
        question: what was asked, and what was answered.
        attention: the shares, in [0, 1].
        path: the PNG file to write.

    Raises:
        ValueError: if there is no sentence or no hop, the sizes do not agree, or the picture
            would be too tall to be written.
    """
    hops = len(attention)
    if not sentences or attention.shape != (hops, len(sentences)) or not hops:
        raise ValueError(
            f"story_attention expects shares [hops, {len(sentences)}] and at least one of each, "
            f"got {list(attention.shape)}."
        )
    height = 1.2 + ROW_HEIGHT * len(sentences)
    if height > LARGEST_HEIGHT:
        raise ValueError(f"{len(sentences)} sentences are too many for a picture: show fewer.")
    with picture(path, 4.6 + 0.7 * hops, height) as figure:
        axes = figure.add_subplot()
        axes.imshow(attention.T, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
        axes.grid(visible=False)
        for (hop, row), share in np.ndenumerate(attention):
            colour = "white" if share > 0.6 else INK
            axes.text(hop, row, f"{share:.2f}", color=colour, fontsize=8, ha="center", va="center")
        axes.set_yticks(range(len(sentences)), [label(sentence) for sentence in sentences])
        axes.set_xticks(range(hops), [f"hop {hop}" for hop in range(1, hops + 1)])
        axes.tick_params(length=0)
        axes.set_title(label(question), loc="center", fontsize=10)
