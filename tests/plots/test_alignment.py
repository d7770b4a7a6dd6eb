import numpy as np
import pytest

from elman.plots import alignment


def test_a_weight_is_dark_where_it_stands(tmp_path, pixels):
    weights = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])

    def draw(weights, path):
        alignment(["ein", "$x$", "日"], ["_a", "b"], weights, path)

    image, mirrored = pixels(draw, weights), pixels(draw, weights[:, ::-1])
    dark = (image[..., 2] > image[..., 0].astype(int) + 60).nonzero()
    light = (mirrored[..., 2] > mirrored[..., 0].astype(int) + 60).nonzero()
    assert len(dark[0]) == pytest.approx(len(light[0]), rel=0.02)
    first_row = dark[0] < np.median(dark[0])
    assert dark[1][first_row].mean() < dark[1][~first_row].mean()
    other = light[0] < np.median(light[0])
    assert light[1][other].mean() > light[1][~other].mean()


@pytest.mark.parametrize("shape", [(2, 3), (1, 2), (0, 2)])
def test_weights_that_do_not_fit_are_refused(tmp_path, shape):
    with pytest.raises(ValueError, match="targets"):
        alignment(["a", "b"], ["c", "d"][: shape[0]] * (shape[0] == 2), np.zeros(shape), tmp_path)
