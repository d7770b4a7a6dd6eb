import pytest

from elman.reproduce import EXPERIMENTS, Row, find_experiment


@pytest.mark.parametrize(
    ("target", "higher", "value", "reached"),
    [
        (None, False, 1.0, None),
        (2.0, False, 2.0, True),
        (2.0, False, 2.1, False),
        (2.0, True, 2.0, True),
        (2.0, True, 1.9, False),
        (2.0, False, float("nan"), False),
        (2.0, True, float("nan"), False),
    ],
)
def test_a_target_is_reached_from_its_side(target, higher, value, reached):
    row = Row("a", "b", target=target, higher_is_better=higher)
    assert row.reached(value) is reached


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_says_what_it_is(name):
    experiment = find_experiment(name)
    assert any(character.isdigit() for character in experiment.paper)  # its year
    assert experiment.setting.endswith(".")
    names = [row.name for row in experiment.rows]
    assert names
    assert len(names) == len(set(names))
    assert all(row.measure for row in experiment.rows)
