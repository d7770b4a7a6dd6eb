"""Counting n-grams over token ids with sorted integer keys.

An n-gram is a context (the tokens before) and a target. Contexts of one length are numbered in
the order of their keys, and keys are built one token at a time from the nearest token outwards:

    key of a context = number of the context one shorter * vocabulary_size + its oldest token
    key of an n-gram = number of its context * vocabulary_size + its target

so every key fits 64 bits at any order, a lookup is one binary search a level, and the n-grams of
one context lie side by side.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

NOTHING = -1
"""Stands in a context where no token is: before the start of the text or of the sentence."""


class NGramTable(NamedTuple):
    """The n-grams of one length and how often each counts; keys are sorted and unique."""

    context_keys: Int[np.ndarray, " contexts"]
    ngram_keys: Int[np.ndarray, " ngrams"]
    counts: Int[np.ndarray, " ngrams"]


def context_columns(
    tokens: Int[np.ndarray, " time"], *, width: int, boundary: int | None
) -> Iterator[Int[np.ndarray, " time"]]:
    """Yield the tokens 1, 2, ..., `width` places before each token, `NOTHING` where there is none.

    Args:
        tokens: the stream; with a `boundary`, it starts as if one boundary came before it.
        width: how many columns.
        boundary: the token at which contexts restart, itself being the oldest token that a context
            can hold; None lets contexts run through.

    Yields:
        One column a distance, nearest first.
    """
    start = NOTHING if boundary is None else boundary
    stream = np.concatenate([[start], tokens])
    positions = np.arange(len(tokens))
    last_start = np.maximum.accumulate(np.where(stream[:-1] == start, positions, 0))
    for distance in range(1, width + 1):
        source = positions + 1 - distance
        yield np.where(source >= last_start, stream[np.maximum(source, 0)], NOTHING)


def count_ngrams(
    tokens: Int[np.ndarray, " time"], *, order: int, vocabulary_size: int, boundary: int | None
) -> list[NGramTable]:
    """Count the n-grams of lengths 1 to `order` as often as they occur.

    Args:
        tokens: the stream, int64, each in [0, vocabulary_size).
        order: length of the longest n-grams.
        vocabulary_size: number of token ids.
        boundary: as in `context_columns`.

    Returns:
        One table a length, shortest first; tables of lengths that the text does not reach are
        empty.
    """
    empty_context = np.zeros(1, dtype=np.int64)
    tables = [NGramTable(empty_context, *np.unique(tokens, return_counts=True))]
    context_ids, targets = np.zeros_like(tokens), tokens
    reached = np.arange(len(tokens))
    for column in context_columns(tokens, width=order - 1, boundary=boundary):
        older = column[reached]
        present = older != NOTHING
        reached, targets = reached[present], targets[present]
        context_keys, context_ids = np.unique(
            context_ids[present] * vocabulary_size + older[present], return_inverse=True
        )
        ngram_keys, counts = np.unique(context_ids * vocabulary_size + targets, return_counts=True)
        tables.append(NGramTable(context_keys, ngram_keys, counts))
    return tables


def continuation_counts(tables: list[NGramTable], *, vocabulary_size: int) -> list[NGramTable]:
    """Replace the counts below the highest order by the number of distinct preceding tokens.

    An n-gram that nothing ever precedes, because it opens a sentence or the whole text, keeps its
    raw count: it cannot be met in a longer context.

    Args:
        tables: raw counts, shortest n-grams first.
        vocabulary_size: number of token ids.

    Returns:
        The same tables with adjusted counts; the last is unchanged.

    Reference:
        Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling",
        section 2.7, the counts N1+. They leave open what opens a sentence.
    """
    adjusted = []
    for table, longer in pairwise(tables):
        context_ids, targets = np.divmod(longer.ngram_keys, vocabulary_size)
        shorter_context_ids = longer.context_keys[context_ids] // vocabulary_size
        suffix = np.searchsorted(table.ngram_keys, shorter_context_ids * vocabulary_size + targets)
        preceding = np.bincount(suffix, minlength=len(table.ngram_keys))
        counts = np.where(preceding > 0, preceding, table.counts)
        adjusted.append(table._replace(counts=counts))
    return [*adjusted, tables[-1]]


def find(
    keys: Int[np.ndarray, " keys"], wanted: Int[np.ndarray, " wanted"]
) -> Int[np.ndarray, " wanted"]:
    """Return the place of each wanted key among sorted unique keys, -1 where it is absent.

    Args:
        keys: sorted, each once.
        wanted: what to look for, in any order.
    """
    if not len(keys):
        return np.full(len(wanted), -1)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, places, -1)
