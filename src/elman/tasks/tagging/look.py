"""What `elman inspect` shows of a tagger."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from elman.data.conll import TaggedSentence
from elman.data.tag_schemes import is_span_tag
from elman.nn.crf import FORBIDDEN, LinearChainCRF
from elman.plots import transition_matrix
from elman.tasks.tagging.answers import Answer
from elman.tasks.task import Finding

SHOWN = 20
"""Rows of a table."""


class Doubt(NamedTuple):
    """A word whose tag is uncertain; the least probable comes first in order.

    Args:
        probability: of the tag chosen.
        order: place of the word in the file, from 0.
        row: what is shown of it.
    """

    probability: float
    order: int
    row: dict[str, Any]


def draw_transitions(
    chain: LinearChainCRF, tags: Sequence[str], folder: Path, *, probabilities: bool
) -> Finding:
    """Draw which tag follows which.

    Args:
        chain: the conditional random field.
        tags: by number.
        folder: where the picture is written.
        probabilities: whether its weights are logarithms of probabilities.

    Returns:
        The picture.
    """
    order = sorted(range(len(tags)), key=lambda number: _parts(tags[number]))
    names = [tags[number] for number in order]
    values = transition_weights(chain)[np.ix_([0, *(n + 1 for n in order)], [*order, len(tags)])]
    before, after, meaning = ["start", *names], [*names, "end"], "weight (dots: not allowed)"
    if probabilities:  # the end of a sentence has none
        values, after, meaning = np.exp(values[:, :-1]), names, "probability"
    path = folder / "transitions.png"
    transition_matrix(values, before, after, path, meaning=meaning)
    return Finding("transitions between tags", path)


def transition_weights(chain: LinearChainCRF) -> Float[np.ndarray, "before after"]:
    """Return what a conditional random field adds for each pair of neighbours.

    Args:
        chain: the conditional random field.

    Returns:
        A row for the start of a sentence, then one for each tag; a column for each tag, then one
        for the end; NaN for what may not be.
    """
    inside = chain.forward_cell.transitions + chain.forward_cell.barrier
    start, end = chain.start + chain.start_barrier, chain.end + chain.end_barrier
    parts = (part.detach().double().cpu().numpy() for part in (start, inside, end))
    first, between, last = parts
    values = np.full((len(first) + 1, len(first) + 1), np.nan)
    values[0, :-1], values[1:, :-1], values[1:, -1] = first, between, last
    values[values < FORBIDDEN / 2] = np.nan
    return values


def look_at_words(
    answers: Iterable[tuple[TaggedSentence, Answer]], tags: Sequence[str]
) -> Iterator[Finding]:
    """Find the words whose tags are least certain, and the tags most often taken for others.

    Args:
        answers: sentences, their tags as the model has them, and what it says of them, with
            probabilities.
        tags: by number.

    Yields:
        Two tables; the second only if the file has tags, and some are not found.
    """
    confused: Counter[tuple[str, str]] = Counter()
    doubts: list[Doubt] = []
    words = 0
    for sentence, answer in answers:
        found = [tags[number] for number in answer.tags]
        confused.update(zip(sentence.tags, found, strict=False))  # nothing in a file without tags
        doubts += _doubts(sentence, answer, tags, words)
        words += len(sentence.words)
        doubts = heapq.nsmallest(SHOWN, doubts)
    yield Finding("least certain words", rows=[doubt.row for doubt in doubts])
    wrong = Counter({pair: count for pair, count in confused.items() if pair[0] != pair[1]})
    yield Finding(
        "tags taken for others",
        rows=[
            {"tag": true, "found": taken, "words": count}
            for (true, taken), count in wrong.most_common(SHOWN)
        ],
    )


def _doubts(
    sentence: TaggedSentence, answer: Answer, tags: Sequence[str], first: int
) -> Iterator[Doubt]:
    shares = answer.probabilities
    assert shares is not None
    words = np.arange(len(shares))
    chosen = shares[words, answer.tags]
    others = shares.copy()
    others[words, answer.tags] = -1.0
    for place in np.argsort(chosen, kind="stable")[:SHOWN].tolist():
        second = int(others[place].argmax())
        row = {
            "line": sentence.numbers[place],
            "word": sentence.words[place],
            "tag": tags[answer.tags[place]],
            "probability": _rounded(chosen[place]),
        }
        if len(tags) > 1:
            row |= {"next": tags[second], "next_probability": _rounded(shares[place, second])}
        if sentence.tags:
            row["true"] = sentence.tags[place]
        yield Doubt(float(chosen[place]), first + place, row)


def _parts(tag: str) -> tuple[str, int, str]:
    """Return what puts the tags of one kind of span side by side, in the order they come in."""
    place = "BIES".find(tag[0]) if is_span_tag(tag) else -1
    return (tag[2:] if place >= 0 else "", place, tag)


def _rounded(share: float) -> float:
    return round(float(share), 4)
