"""Weights that stay as they are, which native code therefore packs once."""

import weakref
from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from elman.cells import Cell
from elman.engine.compiler.program import Matrix
from elman.engine.native.kernels import Precision
from elman.engine.native.multiply import pack_weight
from elman.engine.trace.constants import Constants

ModuleT = TypeVar("ModuleT", bound=nn.Module)

_frozen: "weakref.WeakSet[Cell[Any]]" = weakref.WeakSet()


def freeze(module: ModuleT) -> ModuleT:
    """Prepare a module for inference: it goes into evaluation, and its weights stay as they are.

    Where no gradients are wanted (`torch.no_grad`, `torch.inference_mode`), native code then packs
    the weights of its cells once, at the first call, and keeps a second copy of them. Changes that
    torch counts, such as an optimizer's or those of `load_state_dict`, are noticed all the same;
    those made in place through `.data` are not. `train()` ends it until the next `eval()`. A
    single row is then summed up in another order; all other numbers are the same to the last bit.

    Args:
        module: any module with cells.

    Returns:
        The module itself.
    """
    _frozen.update(part for part in module.modules() if isinstance(part, Cell))
    return module.eval()


def is_frozen(cell: Cell[Any]) -> bool:
    """Tell whether a call may count on a cell's weights to stay as they are.

    Args:
        cell: any cell.
    """
    return not torch.is_grad_enabled() and not cell.training and cell in _frozen


class FrozenWeights:
    """The vectors and matrices of a cell's program, and the matrices packed.

    Args:
        constants: how they follow from the cell.
        cell: the cell.

    Attributes:
        constants: the vectors `[features]` and the matrices `[rows, columns]`.
    """

    constants: tuple[list[Tensor], list[Tensor]]

    def __init__(self, constants: Constants, cell: Cell[Any]) -> None:
        self._sources = _marked(constants.sources(cell))
        # Holds their memory: new memory lies elsewhere.
        self._held = [source.detach() for source, *_ in self._sources]
        # Not as tensors of inference, which later calls could not use outside of it.
        with torch.inference_mode(False), torch.no_grad():
            self.constants = constants.compute(cell)
        self._packed: dict[tuple[Matrix, Precision], Tensor] = {}

    def hold(self, constants: Constants, cell: Cell[Any]) -> bool:
        """Tell whether the weights are still those of the cell.

        Args:
            constants: as given.
            cell: as given.
        """
        now = _marked(constants.sources(cell))
        return all(
            tensor is before and marks == old
            for (tensor, *marks), (before, *old) in zip(now, self._sources, strict=True)
        )

    def packed(self, matrix: Matrix, precision: Precision) -> Tensor:
        """Return a matrix packed as the right side of products.

        Args:
            matrix: which one, and which way round.
            precision: what its elements are rounded to.

        Returns:
            The packed matrix, flat; the same tensor at each call.
        """
        found = self._packed.get((matrix, precision))
        if found is None:
            weight = self.constants[1][matrix.index]
            made = pack_weight(weight, matrix.transposed, precision=precision)
            found = self._packed.setdefault((matrix, precision), made)
        return found


def _marked(tensors: Iterable[Tensor]) -> list[tuple[Tensor, int, int]]:
    """Return tensors, where they lie, and how often torch has counted that they were changed."""
    return [
        (tensor, tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version)
        for tensor in tensors
    ]
