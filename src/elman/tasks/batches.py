"""Items cut into batches that are made when they are asked for."""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

Item = TypeVar("Item")
Made = TypeVar("Made")
Inputs = TypeVar("Inputs", bound="Movable")
Rows = Int[np.ndarray, " rows"]

POOL = 50
"""Batches whose items are sorted by length together, so that little is padded."""


class Movable(Protocol):
    """What can be moved to a device."""

    def to(self, device: torch.device) -> Self:
        """Return the same there.

        Args:
            device: where to.
        """


class LabelledBatch(NamedTuple, Generic[Inputs]):
    """Items with one label each.

    Args:
        inputs: the items.
        targets: their labels.
    """

    inputs: Inputs
    targets: Int[Tensor, " batch"]

    @property
    def lengths(self) -> None:
        """Nothing: there is one target an item, whatever its length."""

    @property
    def rows(self) -> int:
        """Items side by side."""
        return len(self.targets)

    @property
    def target_count(self) -> int:
        """Items to learn from."""
        return len(self.targets)

    def to(self, device: torch.device) -> Self:
        """Move the tensors.

        Args:
            device: where to.

        Returns:
            The same batch there.
        """
        return type(self)(self.inputs.to(device), self.targets.to(device))


class Batches(Sequence[Made], Generic[Item, Made]):
    """Batches of items; each is made when it is asked for.

    Args:
        items: the items.
        rows: which of them each batch has.
        make: puts some items together.
    """

    def __init__(
        self, items: Sequence[Item], rows: Sequence[Rows], make: Callable[[list[Item]], Made]
    ) -> None:
        self._items = items
        self._rows = rows
        self._make = make

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Made:  # type: ignore[override]
        """Make one batch.

        Args:
            index: from 0 to the number of batches - 1.
        """
        return self._make([self._items[row] for row in self._rows[index]])


def cut(rows: Rows, batch_size: int) -> list[Rows]:
    """Cut rows into batches.

    Args:
        rows: in their order.
        batch_size: rows of a batch; the last may have fewer.

    Returns:
        The rows of each batch.
    """
    return np.split(rows, range(batch_size, len(rows), batch_size))


def by_length(lengths: Sequence[int], rows: Rows, batch_size: int) -> list[Rows]:
    """Cut rows into batches of similar length.

    Args:
        lengths: of all items.
        rows: which of them.
        batch_size: rows of a batch; the last may have fewer.

    Returns:
        The rows of each batch, the shortest first.
    """
    return cut(rows[np.argsort([lengths[row] for row in rows], kind="stable")], batch_size)


def shuffled_by_length(
    lengths: Sequence[int], batch_size: int, draw: np.random.Generator
) -> list[Rows]:
    """Cut all items into batches of similar length, in random order.

    Args:
        lengths: of the items.
        batch_size: items of a batch; some may have fewer.
        draw: of the order.

    Returns:
        The rows of each batch.
    """
    pools = cut(draw.permutation(len(lengths)), POOL * batch_size)
    batches = [rows for pool in pools for rows in by_length(lengths, pool, batch_size)]
    return [batches[i] for i in draw.permutation(len(batches))]
