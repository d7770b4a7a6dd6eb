"""The sizes that speed is measured at."""

from typing import NamedTuple


class Shape(NamedTuple):
    """Sizes of a stack of recurrent layers and of the sequences it reads.

    Attributes:
        time: steps of a sequence.
        batch: sequences at once.
        hidden: units of each layer.
        inputs: features of each input vector.
        layers: layers of the stack.
    """

    time: int
    batch: int
    hidden: int
    inputs: int
    layers: int = 1

    @property
    def label(self) -> str:
        """Time, batch and units, then what is out of the ordinary."""
        layers = f" x{self.layers}" if self.layers > 1 else ""
        inputs = f" ({self.inputs} input)" if self.inputs != self.hidden else ""
        return f"{self.time},{self.batch},{self.hidden}{layers}{inputs}"


SEQUENCES = (
    Shape(35, 20, 200, inputs=200, layers=2),
    Shape(35, 20, 650, inputs=650, layers=2),
    Shape(100, 64, 256, inputs=256),
    Shape(784, 32, 128, inputs=1),
    Shape(50, 1, 512, inputs=512),
)
"""Word language models small and medium, a larger batch, pixels one by one, and a single row."""

SINGLE_STEPS = tuple(Shape(1, 1, units, inputs=units) for units in (128, 256, 512))
"""One step of one stream."""

LITTLE_WORK = Shape(5, 4, 128, inputs=128)
"""Sequences that are quickly run, for measuring what comes before they can be."""


def smallest(shapes: tuple[Shape, ...], count: int) -> tuple[Shape, ...]:
    """Pick the shapes with the least to compute, in their own order.

    Args:
        shapes: any shapes.
        count: how many to pick.

    Returns:
        The shapes picked.
    """
    picked = sorted(shapes, key=_products)[:count]
    return tuple(shape for shape in shapes if shape in picked)


def _products(shape: Shape) -> int:
    first = shape.inputs + shape.hidden
    others = (shape.layers - 1) * 2 * shape.hidden
    return shape.time * shape.batch * shape.hidden * (first + others)
