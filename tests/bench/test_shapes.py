import pytest

from elman.bench.shapes import SEQUENCES, SINGLE_STEPS, Shape, smallest


@pytest.mark.parametrize(
    ("shape", "label"),
    [
        (Shape(35, 20, 200, inputs=200, layers=2), "35,20,200 x2"),
        (Shape(100, 64, 256, inputs=256), "100,64,256"),
        (Shape(784, 32, 128, inputs=1), "784,32,128 (1 input)"),
        (Shape(7, 1, 3, inputs=2, layers=4), "7,1,3 x4 (2 input)"),
    ],
)
def test_labels(shape, label):
    assert shape.label == label


def test_labels_tell_the_shapes_apart():
    shapes = SEQUENCES + SINGLE_STEPS
    assert len({shape.label for shape in shapes}) == len(shapes)


def test_the_smallest_shapes_keep_their_order():
    assert smallest(SEQUENCES, 2) == (SEQUENCES[0], SEQUENCES[-1])
    assert smallest(SEQUENCES, len(SEQUENCES)) == SEQUENCES
    assert smallest(tuple(reversed(SINGLE_STEPS)), 1) == (SINGLE_STEPS[0],)


def test_what_counts_is_all_there_is_to_compute():
    deep, wide = Shape(1, 1, 10, inputs=10, layers=4), Shape(1, 1, 15, inputs=15)
    few_inputs, many_inputs = Shape(1, 1, 10, inputs=1), Shape(1, 1, 10, inputs=99)
    assert smallest((deep, wide), 1) == (wide,)
    assert smallest((many_inputs, few_inputs), 1) == (few_inputs,)
