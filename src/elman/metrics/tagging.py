"""How well words are tagged."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NotRequired, TypedDict


class TaggingSummary(TypedDict):
    """What `elman evaluate` tells about tagged words; shares, NaN where nothing was to be told.

    Args:
        sentences: sentences measured.
        tokens: words measured.
        accuracy: words whose tag is found.
        precision: spans found that are right, if the tags are spans.
        recall: right spans that are found, if the tags are spans.
        f1: harmonic mean of precision and recall, if the tags are spans.
    """

    sentences: int
    tokens: int
    accuracy: float
    precision: NotRequired[float]
    recall: NotRequired[float]
    f1: NotRequired[float]


def tagging_summary(
    pairs: Iterable[tuple[Sequence[str], Sequence[str]]],
    find_spans: Callable[[Sequence[str]], Iterable[Hashable]] | None = None,
) -> TaggingSummary:
    """Compare the tags of sentences.

    A span is right if its words and its label are.

    Args:
        pairs: for each sentence the true tags and those found.
        find_spans: reads the spans out of the tags of a sentence; None if the tags are no spans.

    Returns:
        The measures.

    Reference:
        Tjong Kim Sang & De Meulder 2003, "Introduction to the CoNLL-2003 shared task", section
        2.4.
    """
    sentences = tokens = right = true_spans = found_spans = right_spans = 0
    for true, found in pairs:
        sentences += 1
        tokens += len(true)
        right += sum(map(str.__eq__, true, found))
        if find_spans is not None:
            wanted, given = set(find_spans(true)), set(find_spans(found))
            true_spans += len(wanted)
            found_spans += len(given)
            right_spans += len(wanted & given)
    summary = TaggingSummary(sentences=sentences, tokens=tokens, accuracy=_share(right, tokens))
    if find_spans is not None:
        summary["precision"] = _share(right_spans, found_spans)
        summary["recall"] = _share(right_spans, true_spans)
        summary["f1"] = _share(2 * right_spans, true_spans + found_spans)
    return summary


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
