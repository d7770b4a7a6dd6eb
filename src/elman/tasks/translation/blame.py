"""Whose fault a wrong translation is: that of the search, or that of the model."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch

from elman.decoding import Coverage
from elman.tasks.translation.answers import (
    LONGEST,
    TOKENS_AT_ONCE,
    Answer,
    Search,
    Translation,
    cut_long,
)
from elman.tasks.translation.batches import (
    EncodedPair,
    TranslationBatch,
    cut_by_tokens,
    join_pairs,
)
from elman.tasks.translation.reading import Pair

if TYPE_CHECKING:
    from elman.tasks.translation.task import TranslationTask

Blame = Literal["right", "search", "model", "unwritable"]


class Sentence(NamedTuple):
    """A source, and what its translation should be.

    Args:
        source: raw text.
        references: raw text of each right answer, at least one.
    """

    source: str
    references: Sequence[str]


class Reference(NamedTuple):
    """A right answer as the model sees it.

    Args:
        text: raw text.
        log_probability: of its tokens and its end, nats.
        score: what a search would rank it by.
    """

    text: str
    log_probability: float
    score: float


class Verdict(NamedTuple):
    """What was written for a source, and what it says of search and model.

    Args:
        sentence: the source and its references.
        length: tokens of the source, without its end.
        output: the best translation found.
        reference: the reference of the highest score; None if the model can write none of them.
        blame: `right`; or else `search`, if the model ranks the reference above what was found,
            `model`, if it does not, `unwritable`, if it can write none of the references. None
            for what is wrong where the model has no probabilities.
    """

    sentence: Sentence
    length: int
    output: Translation
    reference: Reference | None
    blame: Blame | None


def gather(pairs: Sequence[Pair], *, alternatives: bool) -> list[Sentence]:
    """Gather what is to be translated.

    Args:
        pairs: raw lines.
        alternatives: whether targets of equal sources are all right for each of them; then such
            a source comes once.

    Returns:
        The sources in their order.
    """
    if not alternatives:
        return [Sentence(pair.source, (pair.target,)) for pair in pairs]
    references: dict[str, list[str]] = {}
    for source, target in pairs:
        references.setdefault(source, []).append(target)
    return [Sentence(*item) for item in references.items()]


@torch.inference_mode()
def best_references(
    task: "TranslationTask", sentences: Sequence[Sentence], search: Search
) -> list[Reference | None]:
    """Find the reference of each source that a search would rank highest.

    Args:
        task: a network that translates.
        sentences: sources and references.
        search: how translations are ranked.

    Returns:
        One a source; None where the vocabulary has not all that the references need, or they
        have more than `LONGEST` tokens.
    """
    task.model.eval()
    target = task.languages.target
    rows, texts = [], []
    for row, sentence in enumerate(sentences):
        for text in sentence.references:
            if not target.count_unknown([text]):
                rows.append(row)
                texts.append(text)
    sources = [cut_long(i) for i in task.languages.encode_sources([s.source for s in sentences])]
    pairs = [
        EncodedPair(sources[r], ids) for r, ids in zip(rows, target.encode(texts), strict=True)
    ]
    best: list[Reference | None] = [None] * len(sentences)
    for place, numbers in _score(task, pairs, search):
        row, reference = rows[place], Reference(texts[place], *numbers)
        before = best[row]
        if before is None or reference.score > before.score:
            best[row] = reference
    return best


def judge(
    task: "TranslationTask",
    sentences: Sequence[Sentence],
    references: Sequence[Reference | None],
    search: Search,
) -> list[Verdict]:
    """Translate, and say whose fault it is where that goes wrong.

    The output is scored as the search scores it. So one that was cut at the greatest length has
    no end to be counted, and a reference beyond that length can only be missed.

    Args:
        task: the task.
        sentences: sources and references.
        references: the best of each; None where there is none.
        search: how to search.

    Returns:
        One verdict a sentence.
    """
    answers = task.translate((sentence.source for sentence in sentences), search)
    return list(map(_verdict, sentences, answers, references))


def _verdict(sentence: Sentence, answer: Answer, reference: Reference | None) -> Verdict:
    output = answer.translations[0]
    length = max(len(answer.source) - 1, 0)
    return Verdict(sentence, length, output, reference, _blame(sentence, output, reference))


def _blame(sentence: Sentence, output: Translation, reference: Reference | None) -> Blame | None:
    words = output.text.split()
    if any(words == text.split() for text in sentence.references):
        return "right"
    if output.log_probability is None:
        return None
    if reference is None:
        return "unwritable"
    return "search" if reference.score > output.score else "model"


def _score(
    task: "TranslationTask", pairs: Sequence[EncodedPair], search: Search
) -> Iterator[tuple[int, tuple[float, float]]]:
    """Yield the place of each pair whose target is not too long, its log-probability and score."""
    sizes = np.array([[len(side) for side in pair] for pair in pairs]).reshape(-1, 2)
    ranked = np.lexsort((sizes[:, 0], sizes[:, 1]))
    ranked = ranked[sizes[ranked, 1] <= LONGEST]
    end = task.languages.target.end
    for some in cut_by_tokens(sizes, ranked, TOKENS_AT_ONCE) if len(ranked) else ():
        batch = join_pairs([pairs[place] for place in some], end).to(task.device)
        yield from zip(some.tolist(), _scores(task.model, batch, search), strict=True)


def _scores(model: Any, batch: TranslationBatch, search: Search) -> Iterator[tuple[float, float]]:
    """Return the log-probability of each target, and what a search would rank it by."""
    log_probs = model.target_log_probs(batch.inputs, batch.targets)
    beyond = torch.arange(len(log_probs), device=log_probs.device).unsqueeze(1) >= batch.lengths
    totals = log_probs.masked_fill(beyond, 0.0).sum(dim=0)
    divisors = totals.new_tensor([search.divisor(length) for length in batch.lengths.tolist()])
    scores = totals / divisors
    if search.coverage:
        weights = model.write(batch.inputs).weights  # [time, batch, source]
        seen = weights.masked_fill(beyond.unsqueeze(-1), 0.0).sum(dim=0).unsqueeze(1)
        coverage = Coverage(search.coverage, batch.inputs.source_lengths)
        rows = torch.arange(batch.rows, device=seen.device)
        scores = scores + coverage.penalty(seen, rows).squeeze(1)
    return zip(totals.tolist(), scores.tolist(), strict=True)
