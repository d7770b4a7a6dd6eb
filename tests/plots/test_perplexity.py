import math

import pytest
from matplotlib.figure import Figure

from elman.plots.perplexity import add_perplexity_axis


def axis_over(low, high):
    axes = Figure().add_subplot()
    axes.plot([0, 1], [low, high])
    add_perplexity_axis(axes)
    return axes, axes.figure.axes[1:]


@pytest.mark.parametrize(
    ("low", "high"), [(1.0, 4.5), (4.6, 6.4), (2.0, 2.01), (0.5, 20.0), (3, 3)]
)
def test_the_right_axis_is_level_with_exp_of_the_left_and_has_ticks(low, high):
    axes, (right,) = axis_over(low, high)
    bottom, top = axes.get_ylim()
    visible = [tick for tick in right.get_yticks() if math.exp(bottom) <= tick <= math.exp(top)]
    assert 2 <= len(visible) <= 12
    axes.figure.canvas.draw()
    for tick in visible:
        on_right = right.transData.transform((0.0, tick))[1]
        on_left = axes.transData.transform((0.0, math.log(tick)))[1]
        assert on_right == pytest.approx(on_left)


def test_losses_far_out_have_no_perplexities():
    assert axis_over(1.0, 900.0)[1] == []
