import numpy as np
import pytest
from scipy.integrate import solve_ivp

from elman.data.mackey_glass import mackey_glass


def by_steps(start, tau, spans):
    """The series at whole times, one delay after the other, by a solver of order 8."""

    def rate(time, value, past):
        delayed = past(time - tau)
        return 0.2 * delayed / (1 + delayed**10) - 0.1 * value

    def before(time):
        return start

    past, value, samples = before, [start], [start]
    for span in range(spans):
        times = np.arange(span * tau, (span + 1) * tau + 1)
        solution = solve_ivp(
            rate,
            (times[0], times[-1]),
            value,
            method="DOP853",
            args=(past,),
            t_eval=times,
            dense_output=True,
            rtol=1e-12,
            atol=1e-12,
        )
        samples += solution.y[0][1:].tolist()
        value = solution.y[:, -1]

        def past(time, solution=solution):
            return solution.sol(time)[0]

    return np.array(samples)


@pytest.mark.parametrize("tau", [17, 30])
def test_the_series_is_that_of_an_accurate_solver(tau):
    own = mackey_glass(5 * tau + 1, tau, seed=1, transient=0)
    np.testing.assert_allclose(own, by_steps(own[0], tau, 5), atol=1e-8)


def test_the_transient_is_what_comes_first():
    whole = mackey_glass(300, 17, seed=3, transient=0)
    np.testing.assert_array_equal(mackey_glass(100, 17, seed=3, transient=200), whole[200:])


@pytest.mark.parametrize(("tau", "spread"), [(17, 0.226), (30, 0.278)])
def test_each_seed_is_another_stretch_of_one_attractor(tau, spread):
    first, second = (mackey_glass(4000, tau, seed=seed) for seed in (1, 2))
    assert np.abs(first - second).max() > 0.5
    for series in (first, second):
        assert 0.15 < series.min() < 0.5
        assert 1.25 < series.max() < 1.45
        assert series.std() == pytest.approx(spread, rel=0.05)


def test_a_seed_gives_the_same_series_again():
    np.testing.assert_array_equal(mackey_glass(50, 17, seed=5), mackey_glass(50, 17, seed=5))


@pytest.mark.parametrize(("name", "arguments"), [("length", (0, 17)), ("tau", (10, 0))])
def test_a_wrong_argument_is_named(name, arguments):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        mackey_glass(*arguments, seed=1)
