"""Recording what a step computes from its weights alone, so that it need not be in the program."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.program import Matrix, Node
from elman.engine.trace.constants import (
    Call,
    Constants,
    Entry,
    Held,
    Reference,
    Stored,
    replaced,
)
from elman.engine.trace.expression import Untraceable
from elman.engine.trace.rows import MIXED, VIEWS, Ambiguous, Row, gathered
from elman.engine.trace.values import Constant, Values, number, same_elements


class Folding:
    """The constants of a step, and which of them are vectors and matrices of its program.

    Args:
        build: where the program is built.
        values: what the tensors of the step stand for.
        module: the module whose parameters and buffers are constants.
        batch: rows of the batch.
        like: a tensor of the type and on the device of the program.
    """

    def __init__(
        self, build: Builder, values: Values, module: nn.Module, batch: int, like: Tensor
    ) -> None:
        self._build = build
        self._values = values
        self._batch = batch
        self._like = like
        self._entries: list[Entry] = []
        self._vectors: dict[tuple[Reference, int], tuple[int, Reference]] = {}
        self._matrices: dict[tuple[Reference, bool], tuple[int, Reference]] = {}
        for buffer, named in ((False, module.named_parameters()), (True, module.named_buffers())):
            for name, tensor in named:
                reference = self._enter(Stored(tuple(name.split(".")), buffer))
                root = Constant(tensor, reference, None, literal=False)
                values[tensor] = root._replace(root=root)

    def constants(self) -> Constants:
        """Return how all vectors and matrices are computed."""
        vectors = (reference for _, reference in self._vectors.values())
        matrices = (reference for _, reference in self._matrices.values())
        return Constants(tuple(self._entries), tuple(vectors), tuple(matrices))

    def hold(self, tensor: Tensor, *, literal: bool) -> None:
        """Keep a tensor that is not the module's as a constant.

        Args:
            tensor: the tensor.
            literal: whether the step made it of numbers.
        """
        self._values[tensor] = Constant(tensor, self._enter(Held(tensor)), None, literal)

    def make(self, out: Tensor) -> None:
        """Keep a tensor that the step made of numbers.

        Args:
            out: the tensor.

        Raises:
            Untraceable: if it has a batch axis and its rows or features differ.
        """
        if self._batch not in out.shape:
            self.hold(out, literal=True)
            return
        value = number(out)
        if value is None:
            raise Untraceable("its step makes values that differ from row to row")
        if out.shape.count(self._batch) > 1:
            raise Ambiguous()
        axis = out.shape.index(self._batch)
        self._values[out] = Row(self._build.number(value), tuple(out.shape), axis)

    def fold(self, name: str, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Do and record an operation that reads constants alone.

        Args:
            name: the operation's name.
            function: the operation.
            args: its arguments.
            kwargs: its keyword arguments.

        Returns:
            What it returns.

        Raises:
            Ambiguous: if a result seems to have a batch axis.
        """
        out = function(*args, **kwargs)
        operands: list[Constant] = []
        replaced((args, kwargs), Tensor, lambda part: operands.append(self._values.constant(part)))
        outputs = [out] if isinstance(out, Tensor) else out
        if not isinstance(outputs, list | tuple):
            return out  # a number read from a literal
        if name in ("expand", "repeat") and self._batch in out.shape:
            self._repeat(function, args, out)
            return out
        literal = all(operand.literal for operand in operands)
        call = Reference(-1) if literal else self._call(function, args, kwargs)
        for position, output in enumerate(outputs):
            if self._batch in output.shape:
                raise Ambiguous()
            if literal:
                self.hold(output, literal=True)
            else:
                reference = call if outputs[0] is out else Reference(call.entry, position)
                viewed = name in VIEWS and torch.is_grad_enabled()
                root = operands[0].root if viewed else None
                self._values[output] = Constant(output, reference, root, literal=False)
        return out

    def vector(self, tensor: Tensor, shape: Sequence[int], axis: int) -> Node:
        """Return a constant as a row of features.

        Args:
            tensor: the constant.
            shape: what it is broadcast to.
            axis: the axis of `shape` that is the batch.

        Returns:
            A number, or a leaf of kind `vector`.

        Raises:
            Untraceable: if the constant differs between the rows of the batch.
        """
        constant = self._values.constant(tensor)
        value = number(tensor) if constant.literal else None
        if value is not None:
            return self._build.number(value)
        padded = [1] * (len(shape) - tensor.dim()) + list(tensor.shape)
        if padded.pop(axis) != 1:
            raise Untraceable(MIXED)
        features = [size for position, size in enumerate(shape) if position != axis]
        width = 1 if tensor.numel() == 1 else math.prod(features)
        root = constant.root
        if root and root.tensor.shape == (width,) and same_elements(tensor, root.tensor):
            constant = root
        key = (constant.reference, width)
        if tensor.numel() != width:
            key = (self._spread(constant, padded, features), width)
        if key not in self._vectors:
            self._vectors[key] = (len(self._vectors), self._flat(constant, key[0], width))
        return self._build.leaf("vector", self._vectors[key][0], width)

    def matrix(self, tensor: Tensor) -> Matrix:
        """Return a constant as the right side of a product.

        Args:
            tensor: `[features in, features out]`.

        Returns:
            The matrix.

        Raises:
            Untraceable: if it is of another type than the program.
        """
        if tensor.dtype != self._like.dtype:
            raise Untraceable(f"its step mixes {self._like.dtype} and {tensor.dtype}")
        constant = self._values.constant(tensor)
        root, reference, transposed = constant.root, constant.reference, False
        stored = root is not None and root.tensor.dim() == 2
        if stored and same_elements(tensor, root.tensor):  # type: ignore[union-attr]
            reference = root.reference  # type: ignore[union-attr]
        elif stored and same_elements(tensor.T, root.tensor):  # type: ignore[union-attr]
            reference, transposed = root.reference, True  # type: ignore[union-attr]
        else:  # a slice of a transpose, say: rows that lie together are multiplied faster
            transposed = tensor.stride(0) < tensor.stride(1)
        key = (reference, transposed and reference is constant.reference)
        if key not in self._matrices:
            if key[1]:
                reference = self._enter(Call(torch.t, (reference,), {}, gradients=True))
            self._matrices[key] = (len(self._matrices), reference)
        return Matrix(self._matrices[key][0], transposed)

    def _enter(self, entry: Entry) -> Reference:
        self._entries.append(entry)
        return Reference(len(self._entries) - 1)

    def _call(self, function: Any, args: Any, kwargs: dict[str, Any]) -> Reference:
        def reference(operand: Tensor) -> Reference:
            return self._values.constant(operand).reference

        arguments = replaced(args, Tensor, reference)
        options = replaced(kwargs, Tensor, reference)
        return self._enter(Call(function, arguments, options, torch.is_grad_enabled()))

    def _repeat(self, function: Any, args: Any, out: Tensor) -> None:
        """Keep a constant that is given to each row of the batch."""
        tensor = args[0]
        index = torch.arange(tensor.numel()).view(tensor.shape)
        if out.shape.count(self._batch) > 1:
            raise Ambiguous()
        axis = out.shape.index(self._batch)
        index = function(index, *args[1:]).select(axis, 0).flatten()
        node = self.vector(tensor, (1, *tensor.shape), 0)
        node = gathered(self._build, node, index.tolist())
        self._values[out] = Row(node, tuple(out.shape), axis)

    def _spread(self, constant: Constant, padded: list[int], features: list[int]) -> Reference:
        """Repeat a constant's features as broadcasting to a shape does."""
        reference = constant.reference
        for function, shape in ((torch.reshape, padded), (torch.broadcast_to, features)):
            reference = self._enter(Call(function, (reference, tuple(shape)), {}, gradients=True))
        return reference

    def _flat(self, constant: Constant, reference: Reference, width: int) -> Reference:
        """Give a constant the type and shape of a vector."""
        tensor, like = constant.tensor, self._like
        if tensor.dtype != like.dtype or tensor.device != like.device:
            options = {"dtype": like.dtype, "device": like.device}
            convert = torch.ops.aten._to_copy.default
            reference = self._enter(Call(convert, (reference,), options, gradients=True))
        if tensor.shape == (width,):
            return reference
        return self._enter(Call(torch.reshape, (reference, (-1,)), {}, gradients=True))
