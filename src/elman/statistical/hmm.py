"""Hidden Markov models over sequences of symbols, in logarithms."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

NUMBERS_AT_ONCE = 1 << 20
"""Numbers held for one step of all sequences that are read side by side."""
LARGEST_EXPONENT = 700.0
"""Its exponential is still finite."""


class Posteriors(NamedTuple):
    """What a sequence, or several of one length, says of the hidden states.

    Args:
        log_likelihood: of the sequence, or of all of them together, nats.
        states: probability of each state at each step.
        transitions: expected number of transitions between states.
    """

    log_likelihood: float
    states: Float[np.ndarray, "time *batch states"]
    transitions: Float[np.ndarray, "states states"]


class HiddenMarkovModel(NamedTuple):
    r"""A chain of hidden states, each of which emits a symbol.

    $$ p(x, z) = \pi_{z_1} \prod_{t=2}^{T} A_{z_{t-1} z_t} \prod_{t=1}^{T} B_{z_t x_t} $$

    Args:
        start: $\log \pi$, `[states]`.
        transitions: $\log A$, `[states, states]`; the rows of $A$ sum to 1.
        emissions: $\log B$, `[states, symbols]`; the rows of $B$ sum to 1.

    Reference:
        Rabiner 1989, "A tutorial on hidden Markov models and selected applications in speech
        recognition".
    """

    start: Float[np.ndarray, " states"]
    transitions: Float[np.ndarray, "states states"]
    emissions: Float[np.ndarray, "states symbols"]

    def posteriors(self, symbols: Int[np.ndarray, "time ..."]) -> Posteriors:
        """Run the forward-backward algorithm over symbols.

        Args:
            symbols: the sequence, or several of one length; at least one symbol.

        Returns:
            Its likelihood and what it says of the states.
        """
        scores = np.moveaxis(self.emissions, 0, 1)[symbols]
        return forward_backward(self.start, self.transitions, scores)


def forward_backward(
    start: Float[np.ndarray, " states"],
    transitions: Float[np.ndarray, "states states"],
    scores: Float[np.ndarray, "time *batch states"],
) -> Posteriors:
    r"""Run the forward and the backward algorithm.

    $$ \alpha_t(j) = B_{j x_t} \sum_i \alpha_{t-1}(i) A_{ij}, \quad
       \beta_t(i) = \sum_j A_{ij} B_{j x_{t+1}} \beta_{t+1}(j) $$

    Args:
        start: log-probabilities of the first state.
        transitions: log-probabilities of each state after each.
        scores: log-probability of each step's symbol in each state; at least one step.

    Returns:
        The likelihood and what the sequence says of the states.

    Reference:
        Rabiner 1989, equations 18 to 27 and 37.
    """
    steps, odds = len(scores), np.exp(transitions)
    forward, backward = np.empty_like(scores), np.zeros_like(scores)
    forward[0] = start + scores[0]
    for t in range(1, steps):
        forward[t] = _log_product(forward[t - 1], odds) + scores[t]
    likelihood = _log_sum(forward[-1])  # [*batch, 1]
    pairs = np.zeros_like(transitions)
    for t in range(steps - 2, -1, -1):
        onward = scores[t + 1] + backward[t + 1]
        backward[t] = _log_product(onward, odds.T)
        largest = _largest(forward[t])
        here, there = forward[t] - largest, onward + largest - likelihood
        # What overflows stands where a transition is impossible.
        pairs += _columns(np.exp(here)).T @ _columns(np.exp(there.clip(max=LARGEST_EXPONENT)))
    states = np.exp(forward + backward - likelihood)
    return Posteriors(float(likelihood.sum()), states, pairs * odds)


def viterbi(
    start: Float[np.ndarray, " states"],
    transitions: Float[np.ndarray, "states states"],
    scores: Float[np.ndarray, "time states"],
) -> tuple[Int[np.ndarray, " time"], float]:
    """Find the most probable sequence of states.

    Args:
        start: log-probabilities of the first state.
        transitions: log-probabilities of each state after each.
        scores: log-probability of each step's symbol in each state; at least one step.

    Returns:
        The states, and the log-probability of states and symbols together.

    Reference:
        Rabiner 1989, equations 32 to 35.
    """
    best = start + scores[0]
    came_from = np.empty(scores.shape, dtype=np.int64)
    for t in range(1, len(scores)):
        longer = best[:, None] + transitions
        came_from[t] = longer.argmax(axis=0)
        best = longer.max(axis=0) + scores[t]
    states = np.empty(len(scores), dtype=np.int64)
    states[-1] = best.argmax()
    for t in range(len(scores) - 1, 0, -1):
        states[t - 1] = came_from[t, states[t]]
    return states, float(best.max())


def baum_welch(
    model: HiddenMarkovModel, sequences: Sequence[Int[np.ndarray, " time"]], iterations: int
) -> tuple[HiddenMarkovModel, list[float]]:
    r"""Fit a model to sequences whose states nobody knows, by expectation maximisation.

    $$ \pi_i = \gamma_1(i), \quad
       A_{ij} = \frac{\sum_t \xi_t(i, j)}{\sum_t \gamma_t(i)}, \quad
       B_{jk} = \frac{\sum_{t: x_t = k} \gamma_t(j)}{\sum_t \gamma_t(j)} $$

    with the sums taken over all sequences.

    Args:
        model: where to begin; not changed.
        sequences: symbols, at least one in each.
        iterations: updates, at least 1.

    Returns:
        The model, and the log-likelihood of all sequences before each update; it never falls.

    Raises:
        ValueError: if there is no sequence or one is empty.

    Reference:
        Baum, Petrie, Soules & Weiss 1970, "A maximization technique occurring in the statistical
        analysis of probabilistic functions of Markov chains"; Rabiner 1989, equation 40.
    """
    if not sequences or not all(len(symbols) for symbols in sequences):
        raise ValueError("baum_welch needs at least one sequence, and none that is empty.")
    groups = _of_one_length(sequences, len(model.start))
    likelihoods = []
    for _ in range(iterations):
        start, transitions = np.zeros_like(model.start), np.zeros_like(model.transitions)
        emissions = np.zeros_like(model.emissions.T)  # [symbols, states]
        likelihood = 0.0
        for symbols in groups:
            found = model.posteriors(symbols)
            likelihood += found.log_likelihood
            start += found.states[0].sum(axis=0)
            transitions += found.transitions
            np.add.at(emissions, symbols, found.states)
        likelihoods.append(likelihood)
        model = HiddenMarkovModel(
            _log_share(start), _log_share(transitions), _log_share(emissions.T)
        )
    return model, likelihoods


def _of_one_length(
    sequences: Sequence[Int[np.ndarray, " time"]], states: int
) -> list[Int[np.ndarray, "time batch"]]:
    """Put sequences of the same length side by side, no more than memory allows."""
    by_length: dict[int, list[Int[np.ndarray, " time"]]] = defaultdict(list)
    for symbols in sequences:
        by_length[len(symbols)].append(symbols)
    most = max(1, NUMBERS_AT_ONCE // states)
    return [
        np.stack(alike[first : first + most], axis=1)
        for alike in by_length.values()
        for first in range(0, len(alike), most)
    ]


def _log_product(
    logs: Float[np.ndarray, "*batch states"], matrix: Float[np.ndarray, "states after"]
) -> Float[np.ndarray, "*batch after"]:
    """Return the logarithm of a product with exponentials; minus infinity where it is zero."""
    largest = _largest(logs)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(logs - largest) @ matrix) + largest)


def _log_sum(logs: Float[np.ndarray, "*batch states"]) -> Float[np.ndarray, "*batch 1"]:
    return _log_product(logs, np.ones((logs.shape[-1], 1)))


def _largest(logs: Float[np.ndarray, "*batch states"]) -> Float[np.ndarray, "*batch 1"]:
    """Return the largest logarithm of each row; 0 of a row without any."""
    largest = logs.max(axis=-1, keepdims=True)
    return np.where(np.isfinite(largest), largest, 0.0)


def _columns(values: Float[np.ndarray, "*batch states"]) -> Float[np.ndarray, "rows states"]:
    return values.reshape(-1, values.shape[-1])


def _log_share(counts: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Return the logarithm of counts as shares of their row; alike in a row of zeros."""
    totals = counts.sum(axis=-1, keepdims=True)
    shares = np.where(totals > 0, counts / np.where(totals > 0, totals, 1), 1 / counts.shape[-1])
    with np.errstate(divide="ignore"):
        return np.log(shares)
