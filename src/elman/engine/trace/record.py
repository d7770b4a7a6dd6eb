"""Recording the operations of one step as a program."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.program import Node
from elman.engine.trace.constants import replaced
from elman.engine.trace.expression import Expression, Untraceable
from elman.engine.trace.folding import Folding
from elman.engine.trace.products import PRODUCTS
from elman.engine.trace.reductions import REDUCTIONS
from elman.engine.trace.rows import (
    MIXED,
    MOVES,
    RESHAPES,
    Ambiguous,
    Row,
    gathered,
    moved,
    reshaped,
    spans,
    viewed,
)
from elman.engine.trace.table import POINTWISE_RULES
from elman.engine.trace.values import Constant, Unusable, Value, Values, places

_CREATING = frozenset(
    f"{kind}_{name}" if kind == "new" else f"{name}_{kind}"
    for kind in ("new", "like")
    for name in ("zeros", "ones", "full", "empty")
)
_READING = frozenset(
    ("_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "masked_select")
)
_KNOWN = frozenset((*POINTWISE_RULES, *MOVES, *REDUCTIONS, *PRODUCTS, "_to_copy"))
_NO_GRADIENT = "its step computes without gradients (torch.no_grad() or a custom function)"


class Recorder(TorchDispatchMode):
    """Runs a step on placeholder values and records what it does with them.

    Args:
        module: the module whose parameters and buffers are the program's constants.
        batch: rows of the placeholders, a number that no other axis should have.
        like: a tensor of the program's type and on its device.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its compiler, which takes more than a second

    def __init__(self, module: nn.Module, batch: int, like: Tensor) -> None:
        super().__init__()
        self.build = Builder(fold=False)
        self.batch = batch
        self.values = Values()
        self.folding = Folding(self.build, self.values, module, batch, like)
        self.failure: Untraceable | None = None
        self._like = like
        self._placeholders: list[Tensor] = []

    def leaf(self, kind: str, index: int, like: Tensor) -> Tensor:
        """Return the placeholder of a row that the step reads.

        Args:
            kind: `input` or `state`.
            index: its number among those of its kind.
            like: `[any batch, ...]`: gives its shape and type.

        Returns:
            The placeholder.
        """
        shape = (self.batch, *like.shape[1:])
        tensor = torch.zeros(shape, dtype=like.dtype, device=like.device)
        node = self.build.leaf(kind, index, math.prod(shape[1:]))
        self.values[tensor] = Row(node, shape, 0)
        self._placeholders.append(tensor)
        return tensor

    def result(self, tensor: Tensor, what: str) -> Row:
        """Return the value of a tensor that leaves the step.

        Args:
            tensor: the tensor.
            what: what to call it in errors.

        Returns:
            Its value, with the batch as first axis.

        Raises:
            Untraceable: if it has no such value.
        """
        value = self._value(tensor)
        if isinstance(value, Unusable):
            raise Untraceable(value.reason)
        if isinstance(value, Constant) or value.axis != 0:
            raise Untraceable(f"{what} has no batch axis")
        return value

    def spread(self, row: Row, shape: Sequence[int], axis: int) -> Node:
        """Repeat features as broadcasting to a shape does.

        Args:
            row: the row.
            shape: the shape.
            axis: the axis of `shape` that is the batch.

        Returns:
            The features, or one where all are equal.
        """
        old, new = row.features, (*shape[:axis], *shape[axis + 1 :])
        if row.node.width == 1 or spans(old) == spans(new):
            return row.node
        index = torch.arange(row.node.width).view(old).expand(new).flatten()
        return gathered(self.build, row.node, index.tolist())

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        try:
            return self._dispatch(function, args, kwargs or {})
        except Untraceable as error:
            self.failure = self.failure or error  # the step might catch it
            raise

    def _dispatch(self, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        name = function.name().partition("::")[2].partition(".")[0]
        operands: list[Tensor] = []
        replaced((args, kwargs), Tensor, operands.append)
        if torch.Tag.nondeterministic_seeded in function.tags:
            raise Untraceable(f"its step draws random numbers (aten.{name})")
        if name == "lift_fresh" and operands[0] not in self.values:
            self.folding.hold(operands[0], literal=True)  # torch.tensor(...) in the step
        values = [self._value(operand) for operand in operands]
        if function._schema.is_mutable:
            return self._change(name, function, args, kwargs, values)
        if name in _CREATING or not operands:
            return self._create(name, function(*args, **kwargs))
        if name in _READING and not all(isinstance(v, Constant) and v.literal for v in values):
            raise Untraceable("its step branches on the values of tensors (.item(), bool())")
        for value in values:
            if isinstance(value, Unusable):
                return self._give_up(value, function(*args, **kwargs))
        rows = [value for value in values if isinstance(value, Row)]
        if not rows:
            return self.folding.fold(name, function, args, kwargs)
        try:
            return self._record(name, function, args, kwargs, rows)
        except Untraceable as error:
            return self._give_up(Unusable(error.reason), function(*args, **kwargs))

    def _give_up(self, value: Unusable, out: Any) -> Any:
        """Mark results that no program can compute, which the step may never use."""
        for output in [out] if isinstance(out, Tensor) else out:
            if isinstance(output, Tensor):
                self.values[output] = value
        return out

    def _value(self, tensor: Tensor) -> Value:
        if tensor not in self.values:
            if next(self.values.sharing(tensor), None) is not None:
                raise Untraceable("its step takes a tensor's data past automatic differentiation")
            if self.batch in tensor.shape:
                raise Ambiguous()
            self.folding.hold(tensor, literal=False)
        return self.values[tensor]

    def _create(self, name: str, out: Any) -> Any:
        """Keep a tensor that an operation makes of numbers."""
        if not isinstance(out, Tensor):
            raise _unknown(name)
        if "empty" in name and out.dtype.is_floating_point:
            out.fill_(torch.nan)
        self.folding.make(out)
        return out

    def _record(
        self, name: str, function: Any, args: Any, kwargs: dict[str, Any], rows: list[Row]
    ) -> Any:
        """Record an operation that reads rows."""
        if name == "detach":
            return self._detach(function(*args), rows[0])
        if name not in _KNOWN:
            return self._decompose(name, function, args, kwargs)
        out = function(*args, **kwargs)
        outputs = [out] if isinstance(out, Tensor) else list(out)
        if name in POINTWISE_RULES or name == "_to_copy":
            results = [self._pointwise(name, args, kwargs, rows, outputs[0])]
        elif name in MOVES:
            results = self._move(name, function, args, kwargs, outputs)
        elif name in REDUCTIONS:
            results = self._reduce(name, args, kwargs, outputs)
        else:
            results = [_ruled(name, PRODUCTS[name], (self, *args), kwargs)]
        for output, result in zip(outputs, results, strict=False):
            self._keep(name, output, result)
        for output in outputs[len(results) :]:
            reason = f"its step reads a result of aten.{name} that the compiler does not know"
            self.values[output] = Unusable(reason)
        return out

    def _keep(self, name: str, output: Tensor, result: Row) -> None:
        """Keep a result, unless its type or lack of a gradient forbids its use."""
        if output.dtype not in (self._like.dtype, torch.bool) and name not in MOVES:
            if output.dtype.is_floating_point:
                raise Untraceable(f"its step mixes {self._like.dtype} and {output.dtype}")
            raise Untraceable(f"its step computes with {output.dtype}")
        if output.device != self._like.device:
            raise Untraceable(f"its step mixes {self._like.device} and {output.device}")
        stopped = not torch.is_grad_enabled() and output.dtype.is_floating_point
        if stopped and result.node.op != "number":
            self.values[output] = Unusable(_NO_GRADIENT)
        else:
            self.values[output] = result

    def _detach(self, out: Tensor, row: Row) -> Tensor:
        constant = row.node.op == "number" or not out.dtype.is_floating_point
        # Automatic differentiation detaches results for itself: no error unless the step uses it.
        reason = "its step cuts gradients off (.detach())"
        self.values[out] = row if constant else Unusable(reason)
        return out

    def _pointwise(
        self, name: str, args: Any, kwargs: dict[str, Any], rows: list[Row], out: Tensor
    ) -> Row:
        shape = tuple(out.shape)
        behind = {len(row.shape) - row.axis for row in rows}
        axis = len(shape) - max(behind)
        if len(behind) > 1 or shape[axis] != self.batch:
            raise Untraceable(MIXED)
        if name == "expand":
            return Row(self.spread(rows[0], shape, axis), shape, axis)

        def expression(operand: Tensor) -> Expression:
            row = self.values.row(operand)
            if row is None:
                node = self.folding.vector(operand, shape, axis)
            else:
                node = self.spread(row, shape, axis)
            return Expression(self.build, node, operand.dtype == torch.bool)

        arguments = replaced(args, Tensor, expression)
        if name == "_to_copy":
            x = arguments[0]
            truth = out.dtype == torch.bool and not x.boolean
            return Row((1.0 - x.equal(0.0) if truth else x).node, shape, axis)
        options = replaced(kwargs, Tensor, expression)
        options.pop("memory_format", None)
        result = _ruled(name, POINTWISE_RULES[name], arguments, options)
        return Row(result.node, shape, axis)

    def _move(
        self, name: str, function: Any, args: Any, kwargs: Any, outputs: list[Tensor]
    ) -> list[Row]:
        operands: list[Tensor] = []
        replaced((args, kwargs), Tensor, operands.append)
        rows = {id(part): row for part in operands if (row := self.values.row(part)) is not None}
        if len(operands) == 1:
            (row,) = rows.values()
            if name in RESHAPES:
                result = reshaped(row, outputs[0].shape, self.batch)
                if result is not None:
                    return [result]
            views = [viewed(self.build, operands[0], row, output) for output in outputs]
            known = [view for view in views if view is not None]
            if len(known) == len(views):
                return known
        if len(rows) > 1 and name not in ("cat", "stack"):
            raise Untraceable("its step chooses features by computed positions")
        return moved(self.build, function, args, kwargs, rows, self.batch)

    def _reduce(
        self, name: str, args: Any, kwargs: dict[str, Any], outputs: list[Tensor]
    ) -> list[Row]:
        reduction, row = REDUCTIONS[name], self.values.row(args[0])
        if row is None:
            raise _unknown(name)
        rank = len(row.shape)
        axes = sorted({axis % rank for axis in reduction.axes(*args, **kwargs)})
        if row.axis in axes:
            raise Untraceable(MIXED)
        size = math.prod(row.shape[axis] for axis in axes)
        index = torch.arange(row.size).view(row.features)
        last = range(rank - 1 - len(axes), rank - 1)
        index = index.movedim([axis - (axis > row.axis) for axis in axes], list(last))
        groups = index.reshape(-1, size).tolist()

        def expression(operand: Tensor) -> Expression:
            return Expression(self.build, self.folding.vector(operand, (1, *operand.shape), 0))

        arguments = replaced(args[1:], Tensor, expression)
        parts = []
        for group in groups:
            node = gathered(self.build, row.node, group)
            x = Expression(self.build, node, args[0].dtype == torch.bool)
            parts.append(_ruled(name, reduction.rule, (x, size, *arguments), kwargs))
        dropped = sum(axis < row.axis for axis in axes)
        results = []
        for nodes, output in zip(zip(*parts, strict=True), outputs, strict=True):
            wide = output.numel() != len(groups) * self.batch
            node = self.build.cat([part.node for part in nodes], [size if wide else 1] * len(nodes))
            if wide:
                order = [feature for group in groups for feature in group]
                back = sorted(range(len(order)), key=order.__getitem__)
                node = gathered(self.build, node, back)
            axis = row.axis - (dropped if output.dim() < rank else 0)
            results.append(Row(node, tuple(output.shape), axis))
        return results

    def _decompose(self, name: str, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Record an operation as the simpler ones that torch says it consists of."""
        from torch._decomp import decomposition_table  # imports much: only where needed

        decomposition = decomposition_table.get(function)
        if decomposition is None:
            raise _unknown(name)
        failure = self.failure
        try:
            with self:
                return decomposition(*args, **kwargs)
        except Exception as error:
            self.failure = failure
            raise _unknown(name) from error

    def _change(
        self, name: str, function: Any, args: Any, kwargs: dict[str, Any], values: list[Value]
    ) -> Any:
        """Record an operation that changes a tensor made by the step itself."""
        target, base = args[0], name.removesuffix("_")
        memory = target.untyped_storage().data_ptr() if isinstance(target, Tensor) else None
        if any(memory == part.untyped_storage().data_ptr() for part in self._placeholders):
            raise Untraceable(f"its step changes its input in place (aten.{name})")
        if not isinstance(target, Tensor) or base == name or base not in POINTWISE_RULES:
            raise _unknown(name)
        old = self.values[target]
        if isinstance(old, Constant) and not old.literal:
            raise Untraceable(f"its step changes a weight in place (aten.{name})")
        if not isinstance(old, Row) or target.dtype != self._like.dtype:
            raise Untraceable(f"its step changes a tensor in place (aten.{name})")
        for value in values:
            if isinstance(value, Unusable):
                raise Untraceable(value.reason)
        if not torch.is_grad_enabled():
            raise Untraceable(_NO_GRADIENT)
        rows = [value for value in values if isinstance(value, Row)]
        result = self._pointwise(base, args, kwargs, rows, target)
        out = function(*args, **kwargs)
        for other in self.values.sharing(target):
            self.values[other] = self._overlaid(target, result, other)
        self._keep(name, target, result)
        return out

    def _overlaid(self, target: Tensor, new: Row, other: Tensor) -> Value:
        """Return the value of a tensor after another one in the same memory was changed."""
        old = self.values[other]
        if not isinstance(old, Row):
            return old
        if other.stride(old.axis) != target.stride(new.axis):
            return Unusable("its step changes a tensor in place that has several shapes")
        written = {place: number for number, place in enumerate(places(target, new.axis))}
        index = [
            written[place] + old.size if place in written else number
            for number, place in enumerate(places(other, old.axis))
        ]
        both = self.build.cat([old.node, new.node], [old.size, new.size])
        return Row(gathered(self.build, both, index), old.shape, old.axis)


def _ruled(name: str, rule: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Apply a rule; it knows the usual arguments of its operation only."""
    try:
        return rule(*args, **kwargs)
    except (TypeError, AttributeError) as error:
        raise Untraceable(
            f"its step calls aten.{name} in a form that the compiler does not know"
        ) from error


def _unknown(name: str) -> Untraceable:
    return Untraceable(f"its step calls aten.{name}, which the compiler does not know")
