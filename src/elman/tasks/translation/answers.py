"""From raw text to translations, many lines at a time."""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from elman.decoding import Coverage, Divisor, Hypothesis, beam_search
from elman.tasks.translation.batches import EncodedPair, join_ids, join_pairs
from elman.tasks.translation.side import Ids, Side

LINES_AHEAD = 1024
"""Lines that are sorted by length together; bounds the memory."""
ROWS_AT_ONCE = 128
"""Lines translated side by side."""
TOKENS_AT_ONCE = 1 << 13
"""Tokens of their sources, times the beams, unless a single line has more."""
LONGEST = 2000
"""Tokens of a source that are read."""
SPARE = 10
"""Tokens by which a translation may exceed what the source's length suggests."""


class Search(NamedTuple):
    """How translations are searched for.

    Args:
        beam: beams.
        wanted: translations of each line, at most as many.
        divisor: how lengths are made up for.
        coverage: weight of what got no attention.
        attention: whether it is wanted where the decoder looked.
    """

    beam: int
    wanted: int
    divisor: Divisor
    coverage: float = 0.0
    attention: bool = False


class Translation(NamedTuple):
    """One translation of a line.

    Args:
        text: raw text.
        score: what translations are ranked by.
        log_probability: of all its tokens, nats; None where scores are none.
        tokens: its units, the end as the last of them if it was reached.
        weights: where the decoder looked at each of them; None if that is not known.
        language_model: log-probability of the text by a language model; None if none was asked.
    """

    text: str
    score: float
    log_probability: float | None
    tokens: list[str]
    weights: Float[np.ndarray, "time source"] | None
    language_model: float | None = None


class Answer(NamedTuple):
    """The translations of a line.

    Args:
        source: the units of the line as they were read, the end as the last.
        translations: the best first; one at least.
    """

    source: list[str]
    translations: list[Translation]


EMPTY = Answer([], [Translation("", 0.0, 0.0, [], None)])
"""The answer to an empty line."""


class Languages(NamedTuple):
    """Both sides of a translation.

    Args:
        source: what is read.
        target: what is written.
        backward: whether sources are read from their ends.
    """

    source: Side
    target: Side
    backward: bool

    def save(self, folder: Path) -> None:
        """Write the units of both.

        Args:
            folder: the run folder.
        """
        self.source.save(folder / "source.json")
        self.target.save(folder / "target.json")

    def encode_sources(self, texts: Sequence[str]) -> list[Ids]:
        """Turn sources into numbers, in the order in which they are read.

        Args:
            texts: raw lines.

        Returns:
            The ids of each, the last of them the end.
        """
        encoded = self.source.encode(texts)
        if not self.backward:
            return encoded
        return [np.concatenate([ids[-2::-1], ids[-1:]]) for ids in encoded]

    def show_source(self, text: str, ids: Ids) -> list[str]:
        """Show the units of a source in the order in which they are read, words as written.

        Args:
            text: the raw line.
            ids: what it became.
        """
        pieces = self.source.pieces(ids.tolist())
        words = self.source.words(text)
        if words is None:
            return pieces
        return [*(words[::-1] if self.backward else words)[: len(ids) - 1], pieces[-1]]


@torch.inference_mode()
def translate_lines(
    model: Any, languages: Languages, lines: Iterable[str], search: Search, device: torch.device
) -> Iterator[Answer]:
    """Translate lines, reading no further ahead than `LINES_AHEAD`.

    Args:
        model: a translation network, in evaluation.
        languages: its sides.
        lines: raw text.
        search: how.
        device: where the network is.

    Yields:
        One answer a line, in their order.
    """
    waiting = iter(lines)
    first = 1
    while some := list(islice(waiting, LINES_AHEAD)):
        answers = dict.fromkeys(range(len(some)), EMPTY)
        filled = [row for row, line in enumerate(some) if line.strip()]
        encoded = languages.encode_sources([some[row] for row in filled])
        sources = dict(zip(filled, _without_excess(encoded, filled, first), strict=True))
        for rows in _batches(sources, search.beam):
            found = _translate(model, languages, [sources[row] for row in rows], search, device)
            for row, (hypotheses, weights) in zip(rows, found, strict=True):
                shown = languages.show_source(some[row], sources[row])
                answers[row] = _answer(languages, shown, hypotheses, weights)
        yield from answers.values()
        first += len(some)


def _without_excess(encoded: Sequence[Ids], rows: Sequence[int], first: int) -> Iterator[Ids]:
    for ids, row in zip(encoded, rows, strict=True):
        if len(ids) > LONGEST:
            warn_of_cut(first + row, len(ids) - 1, LONGEST - 1)
        yield cut_long(ids)


def cut_long(ids: Ids) -> Ids:
    """Cut off what no translation reads.

    Args:
        ids: of a source, the last of them the end.

    Returns:
        At most `LONGEST` of them.
    """
    return ids if len(ids) <= LONGEST else np.concatenate([ids[: LONGEST - 1], ids[-1:]])


def warn_of_cut(line: int, tokens: int, read: int) -> None:
    """Warn that a line is too long.

    Args:
        line: its number, from 1.
        tokens: it has.
        read: tokens that are read.
    """
    warnings.warn(
        f"line {line} has {tokens} tokens: only {read} are read; cut it into sentences.",
        stacklevel=2,
    )


def _batches(sources: dict[int, Ids], beam: int) -> Iterator[list[int]]:
    """Cut lines into batches of similar length and bounded size."""
    batch: list[int] = []
    for row in sorted(sources, key=lambda row: len(sources[row])):
        tokens = len(sources[row]) * beam * (len(batch) + 1)
        if batch and (tokens > TOKENS_AT_ONCE or len(batch) == ROWS_AT_ONCE):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _translate(
    model: Any, languages: Languages, sources: list[Ids], search: Search, device: torch.device
) -> Iterator[tuple[list[Hypothesis], list[Float[np.ndarray, "time source"] | None]]]:
    """Return the hypotheses of each source, and where the decoder looked where that is wanted."""
    source, lengths = (part.to(device) for part in join_ids(sources))
    step, state = model.start(source, lengths)
    end = languages.target.end
    found = beam_search(
        step,
        state,
        torch.full_like(lengths, end),
        width=search.beam,
        length=(model.length_ratio * lengths).ceil().long() + SPARE,
        end=end,
        divisor=search.divisor,
        coverage=Coverage(search.coverage, lengths) if search.coverage else None,
        count=search.wanted,
    )
    unknown = languages.target.unknown
    wanted = [
        (row, place)
        for row, hypotheses in enumerate(found)
        for place, hypothesis in enumerate(hypotheses)
        if (search.attention and place == 0) or unknown in hypothesis.tokens
    ]
    pairs = [EncodedPair(sources[r], np.array(found[r][place].tokens)) for r, place in wanted]
    weights = dict(zip(wanted, _align(model, pairs, end, device), strict=True))
    for row, hypotheses in enumerate(found):
        yield hypotheses, [weights.get((row, place)) for place in range(len(hypotheses))]


def _align(
    model: Any, pairs: Sequence[EncodedPair], end: int, device: torch.device
) -> Iterator[Float[np.ndarray, "time source"] | None]:
    """Return where the decoder looks when it writes targets."""
    for start in range(0, len(pairs), ROWS_AT_ONCE):
        some = pairs[start : start + ROWS_AT_ONCE]
        weights: Tensor = model.write(join_pairs(some, end).to(device).inputs).weights
        for row, pair in enumerate(some):
            own = weights[: len(pair.target), row, : len(pair.source)]
            yield own.cpu().numpy() if own.shape[1] else None


def _answer(
    languages: Languages,
    source: list[str],
    hypotheses: Sequence[Hypothesis],
    weights: Sequence[Float[np.ndarray, "time source"] | None],
) -> Answer:
    target = languages.target
    translations = []
    for (ids, log_probability, score), own in zip(hypotheses, weights, strict=True):
        tokens = target.pieces(ids)
        if own is not None and languages.source.unit == "word" and len(source) > 1:
            seen = own[:, :-1].argmax(axis=1)  # the end is no word
            tokens = [
                source[place] if id == target.unknown else token
                for id, token, place in zip(ids, tokens, seen, strict=True)
            ]
        words = tokens[: len(ids) - (ids[-1] == target.end)]
        text = target.decode(ids, words)
        translations.append(Translation(text, score, log_probability, tokens, own))
    return Answer(source, translations)


@torch.inference_mode()
def mean_loss(model: Any, pairs: Sequence[EncodedPair], end: int, device: torch.device) -> float:
    """Return the mean loss of targets, without smoothing.

    Args:
        model: a translation network, in evaluation.
        pairs: at least one.
        end: the target's end.
        device: where the network is.

    Returns:
        Nats a token, the ends included.
    """
    total, tokens = 0.0, 0
    ranked = sorted(pairs, key=lambda pair: (len(pair.target), len(pair.source)))
    for start in range(0, len(ranked), ROWS_AT_ONCE):
        batch = join_pairs(ranked[start : start + ROWS_AT_ONCE], end).to(device)
        log_probs = model.target_log_probs(batch.inputs, batch.targets)
        places = torch.arange(len(log_probs), device=device).unsqueeze(1)
        total -= math.fsum(log_probs[places < batch.lengths].tolist())
        tokens += batch.target_count
    return total / tokens
