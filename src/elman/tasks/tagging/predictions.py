"""What a tagger answers, as it is written."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from elman.nn.crf import FORBIDDEN
from elman.tasks.tagging.answers import Answer
from elman.tasks.tagging.vocabulary import Vocabulary

Item = TypeVar("Item")


def in_order(
    items: Iterable[tuple[Item, Sequence[str]]],
    answer: Callable[[Iterable[Sequence[str]]], Iterator[Answer]],
) -> Iterator[tuple[Item, Sequence[str], Answer | None]]:
    """Answer items that have words; the others come back in their place.

    Args:
        items: each with its words, or none.
        answer: tags sentences that have words.

    Yields:
        Item, words and answer.
    """
    kept: deque[tuple[Item, Sequence[str]]] = deque()

    def sentences() -> Iterator[Sequence[str]]:
        for item, words in items:
            kept.append((item, words))
            if words:
                yield words

    for found in answer(sentences()):
        while not kept[0][1]:
            yield *kept.popleft(), None
        yield *kept.popleft(), found
    yield from ((item, words, None) for item, words in kept)


def describe(
    vocabulary: Vocabulary, words: Sequence[str], answer: Answer, beam: int
) -> dict[str, Any]:
    """Describe an answer by names.

    Args:
        vocabulary: what the tagger knows.
        words: of the sentence.
        answer: its tags, with probabilities.
        beam: sequences of tags that were asked for.

    Returns:
        `words`, `output`, the `score` of each tag, and `alternatives` if more than one sequence
        was asked for.
    """
    shares = answer.probabilities
    assert shares is not None
    described = {
        "words": list(words),
        "output": vocabulary.decode_tags(answer.tags),
        "score": shares[range(len(shares)), answer.tags].tolist(),
    }
    if beam > 1:
        least = (
            answer.log_probabilities[0] + FORBIDDEN / 2
        )  # below it are sequences that may not be
        described["alternatives"] = [
            {"output": vocabulary.decode_tags(path), "probability": float(np.exp(log_probability))}
            for path, log_probability in zip(answer.paths, answer.log_probabilities, strict=True)
            if log_probability > least
        ]
    return described


def side_by_side(described: Mapping[str, Any]) -> list[Sequence[str]]:
    """Return the sequences of tags of an answer, the best first.

    Args:
        described: what `describe` returned.
    """
    if "alternatives" not in described:
        return [described["output"]]
    return [alternative["output"] for alternative in described["alternatives"]]
