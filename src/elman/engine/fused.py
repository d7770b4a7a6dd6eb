"""LSTM, GRU and Elman cells on the fused kernels that torch carries.

The kernels have no second derivative. Each call is therefore one autograd function whose
backward pass uses the kernel's own, and recomputes through the eager definition when its
gradient is to be differentiated again.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman.cells import Cell, ElmanCell, GRUCell, IRNNCell, LSTMCell
from elman.engine.eager import unroll_eager
from elman.state import rebuild, select, tensors

FUSED_CELLS: tuple[type[Cell[Any]], ...] = (LSTMCell, GRUCell, ElmanCell, IRNNCell)
"""The exact classes whose equations the kernels compute; a subclass may differ from them."""


def unroll_fused(
    cell: Cell[Any],
    inputs: Float[Tensor, "time batch input"],
    state: Any,
    lengths: Int[Tensor, " batch"] | None = None,
) -> tuple[Float[Tensor, "time batch output"], Any]:
    """Run a cell of `FUSED_CELLS` forward over time on torch's kernel.

    Args:
        cell: an LSTM, GRU, Elman or IRNN cell.
        inputs: `[time, batch, input]`, at least one time step.
        state: the state before the first step.
        lengths: valid steps of each row, 1 to time; all of them if not given.

    Returns:
        Outputs and final state as `unroll_eager` returns them.
    """
    parameters = dict(cell.named_parameters())
    arguments = [inputs, *tensors(state), *parameters.values()]
    call = _Call(cell, tuple(parameters), lengths, state)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in arguments):
        outputs, *parts = _Fused.apply(call, *arguments)
    else:
        outputs, *parts = _kernel(call, arguments)
    return outputs, rebuild(state, parts)


class _Call(NamedTuple):
    """What a kernel call needs besides the tensors that may have gradients."""

    cell: Cell[Any]
    names: tuple[str, ...]
    lengths: Tensor | None
    state: Any

    def split(self, arguments: Sequence[Tensor]) -> tuple[Tensor, Any, dict[str, Tensor]]:
        """Sort the flat arguments into inputs, state and named parameters."""
        first_parameter = len(arguments) - len(self.names)
        parameters = dict(zip(self.names, arguments[first_parameter:], strict=True))
        return arguments[0], rebuild(self.state, arguments[1:first_parameter]), parameters


class _Fused(torch.autograd.Function):
    """The kernel as one differentiable operation on inputs, state and parameters."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *arguments: Tensor) -> tuple[Tensor, ...]:
        needed = ctx.needs_input_grad[1:]
        leaves = [
            tensor.detach().requires_grad_(need)
            for tensor, need in zip(arguments, needed, strict=True)
        ]
        with torch.enable_grad():
            ctx.results = _kernel(call, leaves)
        ctx.leaves = [leaf for leaf in leaves if leaf.requires_grad]
        ctx.call = call
        ctx.save_for_backward(*arguments)
        return tuple(result.detach() for result in ctx.results)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            results = _definition(ctx.call, ctx.saved_tensors)
            wanted = [t for t, need in zip(ctx.saved_tensors, needed, strict=True) if need]
            found = torch.autograd.grad(
                results, wanted, gradients, create_graph=True, allow_unused=True
            )
        else:
            found = torch.autograd.grad(
                ctx.results, ctx.leaves, gradients, retain_graph=True, allow_unused=True
            )
        remaining = iter(found)
        return None, *(next(remaining) if need else None for need in needed)


class _Definition(nn.Module):
    """The eager loop as a module, so that it can be called with other parameters."""

    def __init__(self, cell: Cell[Any]) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, inputs: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        return unroll_eager(self.cell, inputs, state, lengths)


def _definition(call: _Call, arguments: Sequence[Tensor]) -> list[Tensor]:
    inputs, state, parameters = call.split(arguments)
    named = {f"cell.{name}": parameter for name, parameter in parameters.items()}
    outputs, state = torch.func.functional_call(
        _Definition(call.cell), named, (inputs, state, call.lengths)
    )
    return [outputs, *tensors(state)]


def _kernel(call: _Call, arguments: Sequence[Tensor]) -> list[Tensor]:
    inputs, state, parameters = call.split(arguments)
    recurrent_weight = parameters["recurrent_map.weight"]
    weights = [
        parameters["input_map.weight"],
        recurrent_weight,
        parameters["input_map.bias"],
        # The kernels want two biases; the second is zero unless the cell has both.
        parameters.get("recurrent_map.bias", recurrent_weight.new_zeros(len(recurrent_weight))),
    ]
    # has_biases, num_layers, dropout, train, bidirectional
    flags = (True, 1, 0.0, torch.is_grad_enabled(), False)
    run = _kernel_of(call.cell)
    if call.lengths is None:
        outputs, *parts = run(inputs, _as_layers(call.cell, state), weights, *flags, False)
        return [outputs, *(part.squeeze(0) for part in parts)]
    packed = pack_padded_sequence(inputs, call.lengths.cpu(), enforce_sorted=False)
    assert packed.sorted_indices is not None  # always set with enforce_sorted=False
    start = _as_layers(call.cell, select(state, packed.sorted_indices))
    data, *parts = run(packed.data, packed.batch_sizes, start, weights, *flags)
    outputs, _ = pad_packed_sequence(packed._replace(data=data), total_length=inputs.shape[0])
    return [outputs, *(part.squeeze(0)[packed.unsorted_indices] for part in parts)]


def _kernel_of(cell: Cell[Any]) -> Callable[..., tuple[Tensor, ...]]:
    if isinstance(cell, LSTMCell):
        return torch.lstm
    if isinstance(cell, GRUCell):
        return torch.gru
    return torch.rnn_relu if cell.nonlinearity == "relu" else torch.rnn_tanh


def _as_layers(cell: Cell[Any], state: Any) -> Tensor | list[Tensor]:
    """Give the state the leading layer axis of the kernels, [layer, batch, hidden]."""
    parts = [part.unsqueeze(0) for part in tensors(state)]
    return parts if isinstance(cell, LSTMCell) else parts[0]
