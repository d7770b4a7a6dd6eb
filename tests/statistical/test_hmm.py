import itertools

import numpy as np
import pytest
from hmmlearn.hmm import CategoricalHMM
from hypothesis import given
from hypothesis import strategies as st

from elman.statistical.hmm import HiddenMarkovModel, baum_welch, forward_backward, viterbi

RAIN = HiddenMarkovModel(
    np.log([0.6, 0.4]),
    np.log([[0.7, 0.3], [0.4, 0.6]]),
    np.log([[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]]),
)


def random_model(states, symbols, seed):
    draw = np.random.default_rng(seed)
    return HiddenMarkovModel(
        np.log(draw.dirichlet(np.ones(states))),
        np.log(draw.dirichlet(np.ones(states), states)),
        np.log(draw.dirichlet(np.ones(symbols), states)),
    )


def joint(model, states, symbols):
    """Log-probability of states and symbols together, by the definition."""
    total = model.start[states[0]] + model.emissions[states[0], symbols[0]]
    for before, after, symbol in zip(states, states[1:], symbols[1:], strict=False):
        total += model.transitions[before, after] + model.emissions[after, symbol]
    return total


@given(st.integers(1, 3), st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(0, 99))
def test_everything_is_a_sum_or_the_best_over_all_paths(count, drawn, seed):
    model, symbols = random_model(count, 4, seed), np.array(drawn)
    paths = list(itertools.product(range(count), repeat=len(symbols)))
    logs = np.array([joint(model, path, symbols) for path in paths])
    weights = np.exp(logs) / np.exp(logs).sum()
    found = model.posteriors(symbols)
    assert found.log_likelihood == pytest.approx(np.log(np.exp(logs).sum()), rel=1e-9)
    states, pairs = np.zeros((len(symbols), count)), np.zeros((count, count))
    for path, weight in zip(paths, weights, strict=True):
        states[np.arange(len(symbols)), path] += weight
        np.add.at(pairs, (path[:-1], path[1:]), weight)
    np.testing.assert_allclose(found.states, states, atol=1e-9)
    np.testing.assert_allclose(found.transitions, pairs, atol=1e-9)
    best, score = viterbi(model.start, model.transitions, model.emissions[:, symbols].T)
    assert score == pytest.approx(logs.max(), rel=1e-9)
    assert joint(model, tuple(best), symbols) == pytest.approx(logs.max(), rel=1e-9)


def reference(model):
    states, symbols = model.emissions.shape
    other = CategoricalHMM(states, n_features=symbols, init_params="", n_iter=1, tol=-np.inf)
    other.startprob_, other.transmat_, other.emissionprob_ = map(np.exp, model)
    return other


def test_it_agrees_with_a_reference_library():
    symbols = np.random.default_rng(1).integers(0, 3, 60)
    other, column = reference(RAIN), symbols[:, None]
    found = RAIN.posteriors(symbols)
    assert found.log_likelihood == pytest.approx(other.score(column), rel=1e-10)
    np.testing.assert_allclose(found.states, other.predict_proba(column), atol=1e-10)
    best, score = viterbi(RAIN.start, RAIN.transitions, RAIN.emissions[:, symbols].T)
    other_score, other_best = other.decode(column)
    assert score == pytest.approx(other_score, rel=1e-10)
    np.testing.assert_array_equal(best, other_best)


def test_one_update_of_baum_welch_is_that_of_a_reference_library():
    draw = np.random.default_rng(2)
    sequences = [draw.integers(0, 5, length) for length in (30, 1, 44)]
    model = random_model(3, 5, 7)
    other = reference(model)
    other.fit(np.concatenate(sequences)[:, None], [len(s) for s in sequences])
    found, _ = baum_welch(model, sequences, 1)
    for own, theirs in zip(
        found, (other.startprob_, other.transmat_, other.emissionprob_), strict=True
    ):
        np.testing.assert_allclose(np.exp(own), theirs, atol=1e-9)


def test_the_likelihood_never_falls_and_the_source_is_found():
    draw = np.random.default_rng(3)
    states = [0]
    for _ in range(3000):
        states.append(1 - states[-1] if draw.random() < 0.1 else states[-1])
    symbols = np.array([draw.choice(3, p=np.exp(RAIN.emissions[state])) for state in states])
    _, likelihoods = baum_welch(random_model(2, 3, 4), [symbols], 60)
    assert (np.diff(likelihoods) > -1e-7).all()
    assert likelihoods[-1] > likelihoods[0] + 50


def test_impossible_symbols_have_no_likelihood_and_no_warning():
    with np.errstate(divide="ignore"):
        model = HiddenMarkovModel(np.log([1.0, 0.0]), np.log(np.eye(2)), np.log(np.eye(2)))
    assert model.posteriors(np.array([0, 0])).log_likelihood == 0.0
    scores = model.emissions[:, [0, 1]].T
    assert viterbi(model.start, model.transitions, scores)[1] == -np.inf


@pytest.mark.parametrize("sequences", [[], [np.array([], dtype=int)]])
def test_nothing_to_fit_is_refused(sequences):
    with pytest.raises(ValueError, match="at least one sequence"):
        baum_welch(RAIN, sequences, 1)


def test_long_sequences_do_not_underflow():
    scores = np.full((5000, 2), -800.0)
    found = forward_backward(RAIN.start, RAIN.transitions, scores)
    assert found.log_likelihood == pytest.approx(-800.0 * 5000)


@pytest.mark.parametrize("length", [1, 6])
def test_sequences_side_by_side_say_what_each_says_alone(length):
    symbols = np.random.default_rng(5).integers(0, 3, (length, 4))
    together = RAIN.posteriors(symbols)
    alone = [RAIN.posteriors(column) for column in symbols.T]
    assert together.log_likelihood == pytest.approx(sum(one.log_likelihood for one in alone))
    np.testing.assert_allclose(together.states, np.stack([one.states for one in alone], axis=1))
    np.testing.assert_allclose(together.transitions, sum(one.transitions for one in alone))


def test_updates_do_not_depend_on_what_is_read_side_by_side(monkeypatch):
    draw = np.random.default_rng(6)
    sequences = [draw.integers(0, 5, length) for length in (3, 7, 3, 3, 7, 1)]
    model = random_model(3, 5, 7)
    expected, likelihoods = baum_welch(model, sequences, 3)
    monkeypatch.setattr("elman.statistical.hmm.NUMBERS_AT_ONCE", 1)
    found, again = baum_welch(model, sequences, 3)
    np.testing.assert_allclose(again, likelihoods)
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.exp(own), np.exp(other), atol=1e-12)
