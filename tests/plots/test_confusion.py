import numpy as np
import pytest

from elman.plots import confusion_matrix

PALEST, DARKEST = "#f7fbff", "#08306b"  # the ends of the scale, 0 and 1


def test_shades_are_shares_of_the_row(pixels, count_of):
    names = ["a", "b"]
    right = pixels(confusion_matrix, np.array([[1000, 0], [0, 1]]), names)
    half = pixels(confusion_matrix, np.array([[1000, 1000], [1, 1]]), names)
    assert count_of(right, DARKEST) > 1000 > count_of(half, DARKEST)
    assert count_of(right, PALEST) > 1000 > count_of(half, PALEST)


def test_rows_are_the_true_classes(pixels):
    image = pixels(confusion_matrix, np.array([[0, 5], [5, 0]]), ["a", "b"])
    dark = (image == [8, 48, 107]).all(-1)
    rows, columns = np.nonzero(dark[:, : int(0.6 * image.shape[1])])
    upper = rows < (rows.min() + rows.max()) / 2
    assert columns[upper].mean() > columns[~upper].mean() + 20


@pytest.mark.parametrize(
    ("counts", "names"),
    [
        (np.zeros((2, 2), dtype=int), ["_日本 $x$", "a" * 500]),
        (np.array([[3]]), ["one"]),
        (np.eye(30, dtype=int) * 12345, [f"class {i}" for i in range(30)]),
    ],
)
def test_odd_matrices_are_drawn(pixels, counts, names):
    assert pixels(confusion_matrix, counts, names).min() < 100


@pytest.mark.parametrize(("size", "names"), [(0, []), (2, ["a"]), (201, ["a"] * 201)])
def test_sizes_that_do_not_fit_are_refused(size, names, tmp_path):
    with pytest.raises(ValueError, match="A confusion matrix has 1 to 200 classes"):
        confusion_matrix(np.zeros((size, size), dtype=int), names, tmp_path / "a.png")
