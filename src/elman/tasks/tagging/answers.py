"""From sentences to tags, many sentences at a time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from elman.tasks.batches import Batches, by_length
from elman.tasks.tagging.data import EncodedSentence, join_sentences, join_tagged
from elman.tasks.tagging.network import TaggingNetwork, Words, sentence_lengths
from elman.tasks.tagging.vocabulary import Vocabulary

READ_AHEAD = 2048
"""Sentences that are sorted by length together; bounds the memory."""
SENTENCES_AT_ONCE = 64
"""Sentences of a batch that is measured."""
WORDS_AT_ONCE = 4096
"""Words of a batch, padding included, unless a single sentence has more."""


class Answer(NamedTuple):
    """The tags of a sentence.

    Args:
        tags: the number of each word's tag.
        probabilities: of each tag of each word; None if they were not asked for.
    """

    tags: Int[np.ndarray, " time"]
    probabilities: Float[np.ndarray, "time tags"] | None


def answer_sentences(
    network: TaggingNetwork,
    vocabulary: Vocabulary,
    sentences: Iterable[Sequence[str]],
    device: torch.device,
    *,
    probabilities: bool,
) -> Iterator[Answer]:
    """Tag sentences, reading no further ahead than `READ_AHEAD`.

    Args:
        network: the network.
        vocabulary: what it knows.
        sentences: words of each, at least one.
        device: where the network is.
        probabilities: whether those of all tags are wanted.

    Yields:
        One answer a sentence, in their order.
    """
    given = iter(sentences)
    while some := list(islice(given, READ_AHEAD)):
        answers: dict[int, Answer] = {}
        for rows in _batches([len(words) for words in some]):
            spelling = network.reads_spelling
            encoded = [vocabulary.encode_words(some[row], spelling=spelling) for row in rows]
            found = _answer(network, join_sentences(encoded).to(device), probabilities)
            answers.update(zip(rows, found, strict=True))
        yield from (answers[row] for row in range(len(some)))


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Put sentences of similar length together."""
    rows: list[int] = []
    for row in np.argsort(lengths, kind="stable").tolist():
        if rows and lengths[row] * (len(rows) + 1) > WORDS_AT_ONCE:
            yield rows
            rows = []
        rows.append(row)
    yield rows


@torch.inference_mode()
def _answer(network: TaggingNetwork, inputs: Words, probabilities: bool) -> list[Answer]:
    lengths = sentence_lengths(inputs)
    scores, _ = network(inputs)
    tags = network.best_tags(scores, lengths).T.cpu().numpy()
    if not probabilities:
        return [Answer(row[:n], None) for row, n in zip(tags, lengths.tolist(), strict=True)]
    shares = network.probabilities(scores, lengths).transpose(0, 1).cpu().numpy()
    triples = zip(tags, shares, lengths.tolist(), strict=True)
    return [Answer(row[:n], share[:n]) for row, share, n in triples]


@torch.inference_mode()
def mean_loss(
    network: TaggingNetwork, sentences: Sequence[EncodedSentence], device: torch.device
) -> float:
    """Return the mean loss of tagged sentences.

    Args:
        network: the network.
        sentences: the sentences, at least one.
        device: where the network is.

    Returns:
        Nats a word.
    """
    total, words = 0.0, 0
    lengths = [len(sentence.tags) for sentence in sentences]
    rows = by_length(lengths, np.arange(len(sentences)), SENTENCES_AT_ONCE)
    for batch in Batches(sentences, rows, join_tagged):
        inputs, targets, valid = batch.to(device)
        scores, _ = network(inputs)
        assert valid is not None
        total += float(network.criterion(scores, targets, valid)) * batch.target_count
        words += batch.target_count
    return total / words
