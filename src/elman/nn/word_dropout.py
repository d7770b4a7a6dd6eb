"""Dropout of whole words."""

import torch
from jaxtyping import Int
from torch import Tensor


def drop_words(
    words: Int[Tensor, "*shape"], share: float, unknown: int, *, training: bool
) -> Int[Tensor, "*shape"]:
    """Take some words for unknown in training, so that unknown ones get a meaning.

    Args:
        words: their ids.
        share: of the words, in [0, 1).
        unknown: the id that stands for unknown words.
        training: whether words are dropped at all.

    Returns:
        The ids, some of them replaced.
    """
    if not (training and share):
        return words
    return words.masked_fill(torch.rand(words.shape, device=words.device) < share, unknown)
