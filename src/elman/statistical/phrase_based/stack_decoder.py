"""Stack decoding: translations built phrase by phrase, compared by how many words they cover."""

import heapq
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from elman.statistical.phrase_based.extraction import DISCONTINUOUS, MONOTONE, SWAP
from elman.statistical.phrase_based.features import DISTORTION, LANGUAGE_MODEL
from elman.statistical.phrase_based.language_model import Context, WordByWord
from elman.statistical.phrase_based.options import Choice, Option, SentenceOptions


class Limits(NamedTuple):
    """How much the decoder searches.

    Args:
        stack: hypotheses kept that cover the same number of words.
        threshold: how far below the best of its stack the score of a hypothesis may be.
        distortion: how many words the decoder may jump; 0 keeps the order.
    """

    stack: int = 100
    threshold: float = 10.0
    distortion: int = 6


class Hypothesis:
    """A translation of some words of the sentence.

    Args:
        coverage: the words, as bits.
        start: first word of the last phrase.
        end: word after the last phrase.
        context: last words of the translation.
        score: the best that leads here.
    """

    __slots__ = ("arcs", "context", "coverage", "end", "score", "start")

    def __init__(self, coverage: int, start: int, end: int, context: Context, score: float) -> None:
        self.coverage = coverage
        self.start = start
        self.end = end
        self.context = context
        self.score = score
        self.arcs: list[Arc] = []


class Arc(NamedTuple):
    """A way to a hypothesis.

    Args:
        previous: where it starts from.
        option: the phrase that is added, None for the end of the sentence.
        orientation: how the phrase stands to the one before.
        score: what is added to the score.
        language_model: log-probability of its words.
    """

    previous: Hypothesis
    option: Option | None
    orientation: int
    score: float
    language_model: float


class Grid(NamedTuple):
    """Hypotheses that end in the same place, times the translations of one part.

    Args:
        hypotheses: best first.
        choices: best first.
        coverage: the words covered then.
        start: first word of the part.
        end: word after the part.
        orientation: of the part.
        jump: source words between the phrase before and this part.
        future: the best score that the words left over may get.
    """

    hypotheses: list[Hypothesis]
    choices: list[Choice]
    coverage: int
    start: int
    end: int
    orientation: int
    jump: int
    future: float


class StackDecoder:
    """Finds good translations of a sentence under the log-linear model.

    Hypotheses that cover the same words, end in the same phrase and have the same last words
    are recombined: the best stays, with ways to it from all. Each stack is filled with the best of
    the grids of hypotheses and translations that lead to it, taken in the order of their scores
    from the corners inwards.

    Args:
        language_model: of target words.
        boundary: the target word that ends a sentence.
        weights: of the features.
        limits: how much to search.

    Reference:
        Koehn, Och & Marcu 2003, "Statistical phrase-based translation", section 2.2; Huang &
        Chiang 2007, "Forest rescoring", section 3.1 (the order in which a stack is filled).
    """

    def __init__(
        self,
        language_model: WordByWord,
        boundary: int,
        weights: Float[np.ndarray, " features"],
        limits: Limits,
    ) -> None:
        self.language_model = language_model
        self.boundary = boundary
        self.limits = limits
        self.distortion_weight = float(weights[DISTORTION])
        self.language_weight = float(weights[LANGUAGE_MODEL])

    def decode(self, sentence: SentenceOptions) -> Hypothesis:
        """Search.

        Args:
            sentence: options of a sentence of at least one word.

        Returns:
            The end of the sentence, from which the ways lead back.
        """
        grids: list[list[Grid]] = [[] for _ in range(sentence.length + 1)]
        stack = [Hypothesis(0, -1, 0, self.language_model.start, 0.0)]
        for covered in range(sentence.length):
            for grid in self._grids(stack, sentence):
                grids[grid.coverage.bit_count()].append(grid)
            stack = self._fill(grids[covered + 1])
            grids[covered + 1] = []
        return self._finish(stack)

    def _finish(self, stack: list[Hypothesis]) -> Hypothesis:
        end = Hypothesis(-1, -1, -1, (), -np.inf)
        for hypothesis in stack:
            log_prob, _ = self.language_model.advance(hypothesis.context, self.boundary)
            score = self.language_weight * log_prob
            end.arcs.append(Arc(hypothesis, None, MONOTONE, score, log_prob))
            end.score = max(end.score, hypothesis.score + score)
        return end

    def _grids(self, stack: list[Hypothesis], sentence: SentenceOptions) -> Iterator[Grid]:
        groups: dict[tuple[int, int, int], list[Hypothesis]] = defaultdict(list)
        for hypothesis in stack:
            groups[hypothesis.coverage, hypothesis.start, hypothesis.end].append(hypothesis)
        futures: dict[int, float] = {}
        for (coverage, last_start, last_end), members in groups.items():
            members.sort(key=lambda hypothesis: -hypothesis.score)
            for start, end in self._parts(coverage, last_end, sentence):
                covered = coverage | ((1 << end) - (1 << start))
                if covered not in futures:
                    futures[covered] = _future(covered, sentence)
                orientation = (
                    MONOTONE if start == last_end else SWAP if end == last_start else DISCONTINUOUS
                )
                yield Grid(
                    members,
                    sentence.choices[start, end][orientation],
                    covered,
                    start,
                    end,
                    orientation,
                    abs(start - last_end),
                    futures[covered],
                )

    def _parts(
        self, coverage: int, last_end: int, sentence: SentenceOptions
    ) -> Iterator[tuple[int, int]]:
        """Yield parts that may come next: in reach, and the first gap stays in reach."""
        gap = (~coverage & (coverage + 1)).bit_length() - 1
        limit = self.limits.distortion
        for start in range(gap, min(last_end + limit + 1, sentence.length)):
            if abs(start - last_end) > limit:
                continue
            last = sentence.length if start == gap else min(gap + limit, sentence.length)
            for end in range(start + 1, last + 1):
                if coverage >> (end - 1) & 1:
                    break
                if (start, end) in sentence.choices:
                    yield start, end

    def _fill(self, grids: list[Grid]) -> list[Hypothesis]:
        """Make the hypotheses of a stack, best first as far as the grids' order allows."""
        ticket = count()  # decides between equal scores, so that grids are never compared
        queue = [self._entry(grid, 0, 0, next(ticket)) for grid in grids]
        heapq.heapify(queue)
        lowest = queue[0][0] + self.limits.threshold
        stack: dict[tuple[int, int, int, Context], Hypothesis] = {}
        seen = {(id(grid), 0, 0) for grid in grids}
        for _ in range(self.limits.stack):
            if not queue or queue[0][0] > lowest:
                break
            _, _, grid, row, column, log_prob, context = heapq.heappop(queue)
            self._add(stack, grid, row, column, log_prob, context)
            for i, j in ((row + 1, column), (row, column + 1)):
                inside = i < len(grid.hypotheses) and j < len(grid.choices)
                if inside and (id(grid), i, j) not in seen:
                    seen.add((id(grid), i, j))
                    heapq.heappush(queue, self._entry(grid, i, j, next(ticket)))
        return list(stack.values())

    def _entry(
        self, grid: Grid, row: int, column: int, ticket: int
    ) -> tuple[float, int, Grid, int, int, float, Context]:
        hypothesis, choice = grid.hypotheses[row], grid.choices[column]
        context, total = hypothesis.context, 0.0
        for word in choice.option.target:
            log_prob, context = self.language_model.advance(context, word)
            total += log_prob
        score = hypothesis.score + self._added(grid, choice, total) + grid.future
        return -score, ticket, grid, row, column, total, context

    def _add(
        self,
        stack: dict[tuple[int, int, int, Context], Hypothesis],
        grid: Grid,
        row: int,
        column: int,
        log_prob: float,
        context: Context,
    ) -> None:
        previous, choice = grid.hypotheses[row], grid.choices[column]
        added = self._added(grid, choice, log_prob)
        score = previous.score + added
        key = grid.coverage, grid.start, grid.end, context
        hypothesis = stack.get(key)
        if hypothesis is None:
            hypothesis = Hypothesis(*key, score)
            stack[key] = hypothesis
        hypothesis.score = max(hypothesis.score, score)
        hypothesis.arcs.append(Arc(previous, choice.option, grid.orientation, added, log_prob))

    def _added(self, grid: Grid, choice: Choice, log_prob: float) -> float:
        language = self.language_weight * log_prob
        return choice.score + language - self.distortion_weight * grid.jump


def _future(coverage: int, sentence: SentenceOptions) -> float:
    """Add up the future costs of the gaps."""
    total, start = 0.0, 0
    while start < sentence.length:
        if coverage >> start & 1:
            start += 1
            continue
        end = start + 1
        while end < sentence.length and not coverage >> end & 1:
            end += 1
        total += sentence.future[start][end]
        start = end
    return total
