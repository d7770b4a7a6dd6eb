"""From sentences to tags, many sentences at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from elman.nn.crf import BestPaths
from elman.tasks.batches import Batches, by_length
from elman.tasks.tagging.data import EncodedSentence, cut_by_words, join_tagged, within_memory
from elman.tasks.tagging.network import TaggingNetwork

READ_AHEAD = 2048
"""Sentences that are sorted by length together."""
WORDS_AHEAD = 1 << 16
"""Words read ahead, up to the end of a sentence; bounds the memory."""
SENTENCES_AT_ONCE = 64
"""Sentences of a batch that is measured."""
WORDS_AT_ONCE = 4096
"""Words of a batch, padding included, unless a single sentence has more."""
LOOKED_UP_AT_ONCE = 1024
"""Distinct words whose spelling is read together."""

Sentence: TypeAlias = Sequence[str]
LookUp: TypeAlias = Callable[[Sequence[str]], Float[Tensor, "words vector"]]


class Tagger(Protocol):
    """What turns vectors of words into tags: a network or a chain."""

    def score(self, vectors: Tensor, lengths: Int[Tensor, " batch"]) -> Tensor:
        """Score the tags of words.

        Args:
            vectors: of the words of each sentence, `[time, batch, vector]`.
            lengths: words of each sentence.

        Returns:
            Scores, `[time, batch, tags]`.
        """

    def best_paths(self, scores: Tensor, lengths: Int[Tensor, " batch"], count: int) -> BestPaths:
        """Find the most probable sequences of tags.

        Args:
            scores: what `score` returned.
            lengths: words of each sentence.
            count: how many, at least 1.
        """

    def probabilities(self, scores: Tensor, lengths: Int[Tensor, " batch"]) -> Tensor:
        """Return the probability of each tag of each word, `[time, batch, tags]`.

        Args:
            scores: what `score` returned.
            lengths: words of each sentence.
        """


class Answer(NamedTuple):
    """The tags of a sentence.

    Args:
        paths: its most probable sequences of tags, by their numbers, the best first.
        log_probabilities: of these, nats; minus infinity where there are fewer.
        probabilities: of each tag of each word, over all sequences; None if not asked for.
    """

    paths: Int[np.ndarray, "paths time"]
    log_probabilities: Float[np.ndarray, " paths"]
    probabilities: Float[np.ndarray, "time tags"] | None

    @property
    def tags(self) -> Int[np.ndarray, " time"]:
        """The best sequence."""
        return self.paths[0]


@torch.inference_mode()
def answer_sentences(
    tagger: Tagger,
    look_up: LookUp,
    sentences: Iterable[Sentence],
    *,
    probabilities: bool = False,
    paths: int = 1,
) -> Iterator[Answer]:
    """Tag sentences, reading no further ahead than `READ_AHEAD` and `WORDS_AHEAD`.

    Args:
        tagger: a network or a chain.
        look_up: returns the vectors of single words.
        sentences: words of each, at least one.
        probabilities: whether those of all tags are wanted.
        paths: sequences of tags wanted of each, at least 1.

    Yields:
        One answer a sentence, in their order.
    """
    for some in _take(sentences):
        table, places = _look_up_all(look_up, some)
        answers: dict[int, Answer] = {}
        lengths = [len(words) for words in some]
        ranked = np.argsort(lengths, kind="stable").tolist()
        for rows in cut_by_words(ranked, lengths, WORDS_AT_ONCE // paths):
            ids = [torch.tensor([places[word] for word in some[row]]) for row in rows]
            vectors = table[pad_sequence(ids, padding_value=len(places))]
            steps = torch.tensor([lengths[row] for row in rows], device=table.device)
            found = _answer(tagger, vectors, steps, probabilities, paths)
            answers.update(zip(rows, found, strict=True))
        yield from (answers[row] for row in range(len(some)))


def _take(sentences: Iterable[Sentence]) -> Iterator[list[Sentence]]:
    """Take some sentences at a time."""
    some: list[Sentence] = []
    words = 0
    for sentence in sentences:
        some.append(sentence)
        words += len(sentence)
        if len(some) == READ_AHEAD or words >= WORDS_AHEAD:
            yield some
            some, words = [], 0
    if some:
        yield some


def _look_up_all(look_up: LookUp, sentences: Sequence[Sentence]) -> tuple[Tensor, dict[str, int]]:
    """Look up each distinct word once; the last row, of padding, is zero."""
    # Short ones first, so that few characters of a batch are padding.
    words = sorted(set(chain.from_iterable(sentences)), key=lambda word: (len(word), word))
    cuts = range(0, len(words), LOOKED_UP_AT_ONCE)
    found = [look_up(words[first : first + LOOKED_UP_AT_ONCE]) for first in cuts]
    places = {word: place for place, word in enumerate(words)}
    return torch.cat([*found, torch.zeros_like(found[0][:1])]), places


def _answer(
    tagger: Tagger, vectors: Tensor, lengths: Tensor, probabilities: bool, paths: int
) -> Iterator[Answer]:
    scores = tagger.score(vectors, lengths)
    best = tagger.best_paths(scores, lengths, paths)
    tags = best.tags.permute(2, 0, 1).cpu().numpy()  # [batch, paths, time]
    totals = best.log_probability.T.cpu().numpy()
    shares = None
    if probabilities:
        shares = tagger.probabilities(scores, lengths).transpose(0, 1).cpu().numpy()
    for row, length in enumerate(lengths.tolist()):
        share = None if shares is None else shares[row, :length]
        yield Answer(tags[row, :, :length], totals[row], share)


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
    rows = within_memory(by_length(lengths, np.arange(len(sentences)), SENTENCES_AT_ONCE), lengths)
    for batch in Batches(sentences, rows, join_tagged):
        inputs, targets, valid = batch.to(device)
        scores, _ = network(inputs)
        assert valid is not None
        total += float(network.criterion(scores, targets, valid)) * batch.target_count
        words += batch.target_count
    return total / words
