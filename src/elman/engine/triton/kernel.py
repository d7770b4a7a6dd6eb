"""What a kernel is: what it is written for, its text, and where its rows lie."""

from dataclasses import dataclass
from typing import NamedTuple

from elman.engine.compiler.program import Source

_ONE_PLACE = frozenset(
    ("vector", "vector_gradient", "initial", "initial_gradient", "partial", "left")
)
_IN_TURN = frozenset(("state", "state_gradient"))


@dataclass(frozen=True)
class Setting:
    """What a kernel is written for, besides its program.

    Attributes:
        backward: whether time runs in reverse, carrying `state_gradient` instead of `state`.
        ragged: whether rows have lengths of their own.
        resets: whether rows may start afresh.
        double: whether numbers are float64 instead of float32.
        precision: how products round their operands, as `tl.dot` names it.
        memory: bytes of the GPU's fast memory that one program instance may fill.
    """

    backward: bool = False
    ragged: bool = False
    resets: bool = False
    double: bool = False
    precision: str = "ieee"
    memory: int = 232_448

    @property
    def carried(self) -> str:
        """The kind of leaf and result that one step hands to the next."""
        return "state_gradient" if self.backward else "state"

    @property
    def before(self) -> int:
        """How many steps ahead of its number a step reads what is carried."""
        return int(self.backward)

    @property
    def after(self) -> int:
        """How many steps ahead of its number a step writes what is carried."""
        return int(not self.backward)


class Span(NamedTuple):
    """Some features of a buffer.

    Attributes:
        source: the buffer.
        features: of the buffer.
        start: the first feature wanted.
        width: features wanted.
    """

    source: Source
    features: int
    start: int
    width: int


class Kernel(NamedTuple):
    """A kernel's text, and what its arguments are in their order.

    Attributes:
        text: a module that defines the function `kernel`.
        buffers: the buffers.
        matrices: the numbers of the matrices.
        widest: features of its widest tile.
        weights: numbers in its tiles of weights.
        lefts: features of the tiles that are multiplied by them.
    """

    text: str
    buffers: tuple[Source, ...]
    matrices: tuple[int, ...]
    widest: int
    weights: int
    lefts: int


def has_time(source: Source) -> bool:
    """Say whether a buffer has a place for each step, or for some in turn.

    Args:
        source: the buffer.

    Returns:
        False where there is one place for all steps.
    """
    return source.kind not in _ONE_PLACE


def in_turn(source: Source) -> bool:
    """Say whether a buffer may have fewer places than there are steps, used in turn.

    Args:
        source: the buffer.

    Returns:
        True for what one step hands to the next.
    """
    return source.kind in _IN_TURN


def tile(width: int) -> int:
    """Return the features of the tile that holds a row.

    Args:
        width: features of the row.

    Returns:
        1 for 1; else a power of two that `tl.dot` takes.
    """
    return 1 if width == 1 else max(16, 1 << (width - 1).bit_length())
