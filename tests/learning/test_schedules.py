import math

import pytest

from elman.learning import Constant, Cosine, Plateau, Stepwise


def test_constant_is_one():
    assert [Constant().factor(step, step // 3) for step in range(9)] == [1.0] * 9


def test_warmup_rises_linearly_to_the_first_full_step():
    factors = [Constant(warmup=4).factor(step, 0) for step in range(6)]
    assert factors == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_warmup_multiplies_the_decay():
    plain, warmed = Cosine(10, floor=0.1), Cosine(10, floor=0.1, warmup=5)
    for step in range(12):
        rise = min(1.0, (step + 1) / 5)
        assert warmed.factor(step, 0) == pytest.approx(rise * plain.factor(step, 0))


def test_cosine_goes_from_one_to_its_floor_and_stays():
    cosine = Cosine(8, floor=0.2)
    for step in range(9):
        expected = 0.2 + 0.4 * (1 + math.cos(math.pi * step / 8))
        assert cosine.factor(step, 0) == pytest.approx(expected, rel=1e-12)
    assert cosine.factor(0, 0) == 1.0
    assert cosine.factor(4, 0) == pytest.approx(0.6)
    assert cosine.factor(8, 0) == cosine.factor(100, 0) == pytest.approx(0.2)


def test_stepwise_is_the_schedule_of_zaremba():
    # Section 4.1: rate 1 for 4 epochs, then halved after each epoch: epochs 5, 6, ... have
    # 1/2, 1/4, ...
    factors = [Stepwise(4, rate=0.5).factor(0, epoch) for epoch in range(7)]
    assert factors == [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.125]
    assert Stepwise(0, rate=0.5).factor(0, 0) == 0.5


def test_plateau_shrinks_when_the_loss_is_no_better_than_the_best():
    plateau = Plateau(rate=0.5)
    factors = []
    for loss in (5.0, 4.0, 4.0, 4.5, 3.9, 3.8):
        plateau.observe(loss)
        factors.append(plateau.factor(0, 0))
    assert factors == [1.0, 1.0, 0.5, 0.25, 0.25, 0.25]


def test_a_restored_plateau_goes_on_as_the_first():
    losses = [5.0, 6.0, 4.0, 4.2, 3.0, 3.5]
    whole, first, second = (Plateau(rate=0.3) for _ in range(3))
    for loss in losses:
        whole.observe(loss)
    for loss in losses[:3]:
        first.observe(loss)
    second.restore(first.state())
    for loss in losses[3:]:
        second.observe(loss)
    assert second.state() == whole.state()
    assert second.factor(0, 0) == whole.factor(0, 0) == pytest.approx(0.3**3)


@pytest.mark.parametrize("schedule", [Constant(), Cosine(5), Stepwise(1)])
def test_the_others_have_nothing_to_restore(schedule):
    schedule.observe(1.0)
    assert schedule.state() == {}
