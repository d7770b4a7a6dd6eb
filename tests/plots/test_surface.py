import numpy as np

from elman.plots import error_surface
from elman.plots.style import COLOURS


def test_paths_are_drawn_on_the_surface_and_may_leave_it(pixels, count_of):
    first, second = np.linspace(-1, 1, 30), np.linspace(-2, 2, 40)
    errors = first[None] ** 2 + second[:, None] ** 2
    inside = np.stack([np.linspace(-1, 0, 9), np.linspace(-2, 0, 9), np.linspace(5, 0, 9)], -1)
    image = pixels(
        error_surface, first, second, errors, {"a": inside, "b": inside + np.array([0, 3, 0])}
    )
    assert count_of(image, COLOURS[0]) > 200
    assert 20 < count_of(image, COLOURS[1]) < count_of(image, COLOURS[0])
