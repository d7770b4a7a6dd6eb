"""A tagger that learns from words alone: the states of a hidden Markov model."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from elman.statistical.hmm import HiddenMarkovModel, baum_welch
from elman.tasks.tagging.chain import ChainTagger

STARTS = 5
"""Random starts, of which the best after a few updates is followed: most optima are poor."""
FIRST_UPDATES, UPDATES = 10, 40
"""Updates of the Baum-Welch algorithm from each start, and from the best of them on."""
LEAST = float(np.log(1e-12))
"""Log-probability taken in place of less, so that no sentence is impossible."""


class HiddenStateTagger(ChainTagger):
    """Answers as a tagging network does, with the numbers of states that nobody named.

    Args:
        model: what was learnt; the symbol 0 is any unknown word.
        words: the known ones, in the order of their symbols, from 1 on.
    """

    def __init__(self, model: HiddenMarkovModel, words: Iterable[str]) -> None:
        self.model = HiddenMarkovModel(*(part.clip(LEAST) for part in model))
        self.symbols = {word: symbol for symbol, word in enumerate(words, 1)}
        super().__init__(self.model.start, self.model.transitions)

    @classmethod
    def fit(
        cls,
        sentences: Sequence[Sequence[str]],
        words: Iterable[str],
        states: int,
        seed: int,
        say: Callable[[str], None],
    ) -> Self:
        """Learn states from sentences.

        Args:
            sentences: words of each.
            words: the known ones; all others are one symbol.
            states: how many.
            seed: of the random start.
            say: takes a line for each start that was tried.

        Returns:
            The model.
        """
        known = list(words)
        draw = np.random.default_rng(seed)
        begun = [cls(_random_model(states, 1 + len(known), draw), known) for _ in range(STARTS)]
        symbols = list(map(begun[0]._encode, sentences))
        total, found = sum(map(len, sentences)), []
        for number, start in enumerate(begun, 1):
            found.append(baum_welch(start.model, symbols, FIRST_UPDATES))
            loss = -found[-1][1][-1] / total
            say(f"start {number} of {STARTS}: {loss:.4f} nats a word after {FIRST_UPDATES} updates")
        best, _ = max(found, key=lambda pair: pair[1][-1])
        model, _ = baum_welch(best, symbols, UPDATES)
        return cls(model, known)

    def arrays(self) -> dict[str, Tensor]:
        """Return the logarithms, by name."""
        return {name: torch.from_numpy(part) for name, part in self.model._asdict().items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor], words: Iterable[str]) -> Self:
        """Rebuild a model from `arrays`.

        Args:
            arrays: what `arrays` returned.
            words: the known ones, in order.

        Returns:
            The model.
        """
        parts = (arrays[name].numpy() for name in HiddenMarkovModel._fields)
        return cls(HiddenMarkovModel(*parts), words)

    def loss(self, sentences: Sequence[Sequence[str]]) -> float:
        """Return the mean negative log-probability of words.

        Args:
            sentences: words of each, at least one.

        Returns:
            Nats a word.
        """
        likelihood = (self.model.posteriors(self._encode(words)) for words in sentences)
        return -sum(found.log_likelihood for found in likelihood) / sum(map(len, sentences))

    def look_up(self, words: Sequence[str]) -> Float[Tensor, "words tags"]:
        """Return the log-probabilities of words; see `ChainTagger.look_up`."""
        return torch.from_numpy(self.model.emissions.T[self._encode(words)])

    def _encode(self, words: Sequence[str]) -> Int[np.ndarray, " time"]:
        return np.array([self.symbols.get(word, 0) for word in words])


def _random_model(states: int, symbols: int, draw: np.random.Generator) -> HiddenMarkovModel:
    """Draw a model that starts in any state and goes to any with nearly the same probability."""
    even = np.full(states, 10.0)
    emissions = draw.dirichlet(np.ones(symbols), states)
    parts = (draw.dirichlet(even), draw.dirichlet(even, states), emissions)
    return HiddenMarkovModel(*map(np.log, parts))


def measure_states(
    model: HiddenStateTagger,
    sentences: Sequence[Sequence[str]],
    pairs: Sequence[tuple[Sequence[str], Sequence[str]]],
) -> dict[str, float]:
    """Measure what was learnt from words alone.

    Args:
        model: the model.
        sentences: words of each, at least one.
        pairs: for each sentence its true tags, none where nobody knows them, and its states.

    Returns:
        The loss, nats a word; where there are tags, how well states stand for them.
    """
    measures: dict[str, float] = {
        "sentences": len(sentences),
        "tokens": sum(map(len, sentences)),
        "loss": model.loss(sentences),
    }
    if pairs[0][0]:
        measures["many_to_one_accuracy"] = many_to_one(pairs)
    return measures


def many_to_one(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Measure states by the tags they stand for, each state for the tag it meets most often.

    Args:
        pairs: for each sentence the true tags and the states.

    Returns:
        The share of the words whose state stands for their tag.

    Reference:
        Johnson 2007, "Why doesn't EM find good HMM POS-taggers?", section 2.
    """
    met: dict[str, Counter[str]] = {}
    for tags, states in pairs:
        for tag, state in zip(tags, states, strict=True):
            met.setdefault(state, Counter())[tag] += 1
    right = sum(max(counts.values()) for counts in met.values())
    return right / sum(counts.total() for counts in met.values())
