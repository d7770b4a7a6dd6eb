"""Who is measured beside the engine: torch's own layers, and loops over a cell."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from elman.bench.shapes import Shape
from elman.cells import Cell, ElmanCell, GRUCell, IRNNCell, LSTMCell, find_cell
from elman.errors import ConfigError
from elman.nn import RNN
from elman.state import rebuild, tensors


def check_cell(name: str) -> None:
    """Refuse a cell that cannot be measured.

    Args:
        name: what `find_cell` would be given.

    Raises:
        ConfigError: if there is no such cell, or two sizes are not enough to build it.
    """
    kind = find_cell(name)
    try:
        kind(1, 1)
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"cell {name!r} cannot be built from an input size and a hidden size: {error}."
        ) from None


def elman_stack(cell: str, shape: Shape) -> RNN:
    """Build the stack that is measured.

    Args:
        cell: a name that `find_cell` knows.
        shape: its sizes.

    Returns:
        The stack, newly initialised.
    """
    return RNN(cell, shape.inputs, shape.hidden, num_layers=shape.layers)


def torch_stack(cell: str, shape: Shape) -> nn.RNNBase:
    """Build torch's layers of the same sizes: its kernel for the cell, or its LSTM for any other.

    Args:
        cell: a name that `find_cell` knows.
        shape: the sizes.

    Returns:
        The layers, newly initialised.
    """
    sizes = (shape.inputs, shape.hidden, shape.layers)
    kind = find_cell(cell)
    if kind is GRUCell:
        return nn.GRU(*sizes)
    if kind in (ElmanCell, IRNNCell):
        return nn.RNN(*sizes, nonlinearity="relu" if kind is IRNNCell else "tanh")
    return nn.LSTM(*sizes)


def is_lstm(cell: str) -> bool:
    """Tell whether a cell's equations are those of the LSTM in torch and ONNX.

    Args:
        cell: a name that `find_cell` knows.
    """
    return find_cell(cell) is LSTMCell


def first_cell(stack: RNN) -> Cell[Any]:
    """Return the cell of a stack's first layer.

    Args:
        stack: any stack.
    """
    return next(module for module in stack.modules() if isinstance(module, Cell))


def plain_loop(stack: RNN) -> Callable[[Tensor], Tensor]:
    """Run a stack as tutorials write it in torch: each layer calls its cell step by step.

    Args:
        stack: a stack of one direction, whose weights are used.

    Returns:
        A function from inputs `[time, batch, input]` to the last layer's outputs.
    """
    return partial(_layer_by_layer, stack, _plain_steps)


def careful_loop(stack: RNN) -> Callable[[Tensor], Tensor]:
    """Run a stack as a careful hand would write it: the inputs of all steps are projected at once.

    Args:
        stack: as in `plain_loop`.

    Returns:
        As `plain_loop` does.
    """
    return partial(_layer_by_layer, stack, _careful_steps)


def _layer_by_layer(
    stack: RNN, steps: Callable[[Cell[Any], Tensor], list[Tensor]], inputs: Tensor
) -> Tensor:
    for layer in stack.layers:
        inputs = torch.stack(steps(layer[0], inputs))  # type: ignore[index]
    return inputs


def _plain_steps(cell: Cell[Any], inputs: Tensor) -> list[Tensor]:
    state, outputs = cell.initial_state(inputs.shape[1]), []
    for step in range(inputs.shape[0]):
        output, state = cell.step(cell.project(inputs[step]), state)
        outputs.append(output)
    return outputs


def _careful_steps(cell: Cell[Any], inputs: Tensor) -> list[Tensor]:
    state, projected = cell.initial_state(inputs.shape[1]), cell.project(inputs)
    outputs = []
    # Indexing by time would cost a gradient as large as the whole sequence at every step.
    for parts in zip(*(part.unbind() for part in tensors(projected)), strict=True):
        output, state = cell.step(rebuild(projected, parts), state)
        outputs.append(output)
    return outputs


def training(
    run: Callable[[Tensor], Tensor], module: nn.Module, shape: Shape, width: int
) -> Callable[[], None]:
    """Make a call that runs forward and backward, to the inputs and every weight.

    Args:
        run: from inputs to outputs.
        module: whose weights get gradients.
        shape: the sizes of the inputs.
        width: features of the outputs.

    Returns:
        The call.
    """
    inputs = torch.randn(shape.time, shape.batch, shape.inputs, requires_grad=True)
    gradient = torch.randn(shape.time, shape.batch, width)
    wanted = [inputs, *(weight for weight in module.parameters() if weight.requires_grad)]

    def call() -> None:
        torch.autograd.grad(run(inputs), wanted, gradient, allow_unused=True)

    return call
