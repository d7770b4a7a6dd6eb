"""Where the tensors of a call lie, for plans that are made before the call."""

from collections.abc import Sequence

import torch
from torch import Tensor

from elman.engine.compiler.program import Matrix, Source
from elman.engine.definition import Arguments, Ragged
from elman.engine.native.code import Buffer, Code, Weight
from elman.engine.native.kernels import Precision, kernels
from elman.engine.native.multiply import Rows, Strided, add_pack, add_product, packed_size
from elman.engine.native.plan import Address, Plan, Word

_FEW_ROWS = 1  # up to which reading a weight where it lies costs less than packing it first


def row_stride(tensor: Tensor) -> int | None:
    """Return the distance of the rows of all steps, if it is one and features lie side by side.

    Args:
        tensor: `[time, batch, features]`.

    Returns:
        Floats, or None.
    """
    time, batch, features = tensor.shape
    steps, rows, side = tensor.stride()
    if side != 1 and features > 1:
        return None
    if batch == 1:
        return steps
    return rows if time == 1 or steps == batch * rows else None


def ragged_addresses(ragged: Ragged | None) -> tuple[int, int]:
    """Return where lengths and resets lie; nowhere if all steps of all rows count.

    Args:
        ragged: both of them, in the form that native code reads.

    Returns:
        The addresses.
    """
    if ragged is None:
        return 0, 0
    assert ragged.lengths is not None
    assert ragged.resets is not None
    return ragged.lengths.data_ptr(), ragged.resets.data_ptr()


class Operands:
    """The tensors of a call, each a base of a plan.

    Args:
        plan: the plan.
        arguments: the arguments of a call like those that the plan is for.
        pack: whether weights are packed in each call; otherwise calls are given them packed.

    Attributes:
        time: steps.
        batch: rows.
        buffers: where the inputs and vectors lie.
        states: where the states before the first step lie.
        initial: where those of rows that are reset lie.
        matrices: where the weights lie.
        packed: which weights calls are given packed, in the order of their bases.

    Raises:
        ValueError: if a tensor is not float32.
    """

    time: int
    batch: int
    buffers: dict[Source, Buffer]
    states: list[Rows]
    initial: list[Rows]
    matrices: list[Strided]
    packed: list[tuple[Matrix, Precision]]

    def __init__(self, plan: Plan, arguments: Arguments, *, pack: bool) -> None:
        self._plan = plan
        self._packs = pack
        self.packed = []
        self._number = 0
        self._copied: list[int] = []
        self.time, self.batch = arguments.inputs[0].shape[:2]
        self.buffers = {
            Source("input", index): self.sequence(part)
            for index, part in enumerate(arguments.inputs)
        }
        self.states = [self.rows(part) for part in arguments.states]
        self.initial = [self.rows(part) for part in arguments.initial]
        for index, part in enumerate(arguments.vectors):
            address = self._next(part, in_order=part.is_contiguous())
            self.buffers[Source("vector", index)] = Buffer(address)
        self.matrices = [
            Strided.of(self._next(part, in_order=True), part) for part in arguments.matrices
        ]

    def sequence(self, part: Tensor) -> Buffer:
        """Take one more tensor, rows of all steps.

        Args:
            part: one like it, `[time, batch, features]`.

        Returns:
            Where the call's lies.
        """
        stride = row_stride(part)
        address = self._next(part, in_order=stride is not None)
        stride = part.shape[2] if stride is None else stride
        return Buffer(address, self.batch * stride, stride)

    def rows(self, part: Tensor) -> Rows:
        """Take one more tensor, contiguous rows.

        Args:
            part: one like it, `[batch, features]`.

        Returns:
            Where the call's lies.
        """
        address = self._next(part, in_order=part.is_contiguous())
        return Rows(address, part.shape[1], *part.shape)

    def addresses(self, tensors: Sequence[Tensor]) -> tuple[list[int], Sequence[Tensor]]:
        """Return where the tensors of a call lie.

        Args:
            tensors: as many as were taken, in the same order.

        Returns:
            The addresses, and the tensors that have to live until the call is over: copies of
            those whose numbers do not lie as native code reads them.
        """
        if self._copied:
            tensors = list(tensors)
            for number in self._copied:
                tensors[number] = tensors[number].contiguous()
        return [tensor.data_ptr() for tensor in tensors], tensors

    def weights(self, code: Code) -> dict[Matrix, Weight]:
        """Bring the weights that a code multiplies with into a form that it reads.

        Args:
            code: the code.

        Returns:
            The weights; few rows read them where they lie.
        """
        return {matrix: self._weight(matrix, code) for matrix in code.layout.matrices}

    def multiply(
        self, left: Rows, matrix: Matrix, initial: Rows | None, out: Rows, code: Code
    ) -> None:
        """Add the product of many rows with a weight.

        Args:
            left: `[M, K]`.
            matrix: which weight, and which way round.
            initial: what is added, as in `add_product`.
            out: where the result goes, `[M, N]`.
            code: the code whose precision it has.
        """
        packed = self._pack(matrix, code)
        add_product(self._plan, left, packed, initial, out, code.precision)

    def _weight(self, matrix: Matrix, code: Code) -> Weight:
        kernel, given = kernels(code.precision), self.matrices[matrix.index]
        is_whole = given.column_stride == 1 and given.row_stride == given.columns
        few = self._packs and self.batch <= _FEW_ROWS and code.precision == "float32"
        if few and is_whole and matrix.transposed:
            return Weight(given.address, kernel.product_transposed)
        return Weight(self._pack(matrix, code), kernel.product)

    def _pack(self, matrix: Matrix, code: Code) -> Word:
        if not self._packs:
            self.packed.append((matrix, code.precision))
            return Address(self._plan.base())
        weight = self.matrices[matrix.index].turned(matrix.transposed)
        space = self._plan.reserve(packed_size(weight.rows, weight.columns, code.precision))
        add_pack(self._plan, weight, space, code.precision)
        return space

    def _next(self, part: Tensor, *, in_order: bool) -> Address:
        if part.dtype != torch.float32:
            raise ValueError("Native code computes in float32: convert the arguments first.")
        if not in_order:
            self._copied.append(self._number)
        self._number += 1
        return Address(self._plan.base())
