"""What the tensors of a step stand for while it is recorded."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from elman.engine.trace.constants import Reference
from elman.engine.trace.rows import Row


class Constant(NamedTuple):
    """A tensor computed from weights or numbers alone.

    Attributes:
        tensor: the tensor itself.
        reference: where it is computed.
        root: the stored tensor that it is, or is a view of; else None.
        literal: whether it is the same whatever the weights are.
    """

    tensor: Tensor
    reference: Reference
    root: "Constant | None"
    literal: bool


class Unusable(NamedTuple):
    """A tensor that a program cannot compute: an error only where it is used."""

    reason: str


Value = Row | Constant | Unusable


class Values:
    """The tensors seen so far and what each stands for.

    They are told apart by identity. All are kept alive, so that no identity or memory is used
    twice.
    """

    def __init__(self) -> None:
        self._values: dict[int, tuple[Tensor, Value]] = {}
        self._sharing: dict[int, list[Tensor]] = {}

    def __contains__(self, tensor: Tensor) -> bool:
        return id(tensor) in self._values

    def __getitem__(self, tensor: Tensor) -> Value:
        return self._values[id(tensor)][1]

    def __setitem__(self, tensor: Tensor, value: Value) -> None:
        if tensor not in self:
            self._sharing.setdefault(_memory(tensor), []).append(tensor)
        self._values[id(tensor)] = (tensor, value)

    def row(self, tensor: Tensor) -> Row | None:
        """Return what a tensor stands for.

        Args:
            tensor: a tensor of the step.

        Returns:
            Its row, or None for a constant.
        """
        value = self[tensor]
        return value if isinstance(value, Row) else None

    def constant(self, tensor: Tensor) -> Constant:
        """Return what a tensor that is no row stands for.

        Args:
            tensor: a tensor of the step, usable and no row.

        Returns:
            Its constant.
        """
        value = self[tensor]
        assert isinstance(value, Constant)
        return value

    def sharing(self, tensor: Tensor) -> Iterator[Tensor]:
        """Yield the other tensors in a tensor's memory.

        Args:
            tensor: any tensor.

        Yields:
            Each tensor, seen so far, that is a view of the same memory.
        """
        for other in tuple(self._sharing.get(_memory(tensor), ())) if tensor.numel() else ():
            if other is not tensor:
                yield other


def number(tensor: Tensor) -> float | None:
    """Return the number that all elements of a tensor are.

    Args:
        tensor: any tensor.

    Returns:
        The number, or None where there are several.
    """
    if tensor.numel() == 0 or tensor.dtype.is_complex:
        return None
    first = tensor.reshape(-1)[0]
    same = tensor.isnan() if bool(first.isnan()) else tensor == first
    return float(first) if bool(same.all()) else None


def same_elements(tensor: Tensor, other: Tensor) -> bool:
    """Say whether two tensors are the same memory, read in the same order.

    Args:
        tensor: a tensor.
        other: a tensor, perhaps of another shape where both are contiguous.

    Returns:
        True if they are.
    """
    if tensor.data_ptr() != other.data_ptr() or tensor.numel() != other.numel():
        return False
    if tensor.dim() == other.dim() == 2:
        return tensor.shape == other.shape and tensor.stride() == other.stride()
    return tensor.is_contiguous() and other.is_contiguous()


def places(tensor: Tensor, axis: int) -> list[int]:
    """Return where in memory the features of the first row lie.

    Args:
        tensor: a tensor of rows.
        axis: which axis is the batch.

    Returns:
        The place of each feature, counted in elements.
    """
    found = torch.tensor(tensor.storage_offset())
    for position, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        if position != axis:
            found = found.unsqueeze(-1) + torch.arange(size) * stride
    return found.flatten().tolist()


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
