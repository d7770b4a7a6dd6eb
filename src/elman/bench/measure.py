"""Measurements: training, inference, single steps, and what the first use of a cell costs."""

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.bench.contenders import (
    careful_loop,
    elman_stack,
    first_cell,
    is_lstm,
    plain_loop,
    torch_stack,
    training,
)
from elman.bench.first_use import first_uses
from elman.bench.interleave import interleaved_seconds
from elman.bench.onnx_lstm import OnnxLSTM, onnx_installed
from elman.bench.shapes import Shape
from elman.engine import explain, freeze
from elman.nn import RNN, Stream

ROUNDS = 25
OURS, ONNX = "elman", "onnxruntime"
PLAIN_LOOP, CAREFUL_LOOP = LOOPS = "plain loop", "careful loop"
ON_DISK = ("nothing on disk", "compiled on disk")


class Row(NamedTuple):
    """What one measurement says about one other implementation.

    Attributes:
        work: `train`, `infer`, `step` or `first use`.
        cell: name of the cell.
        shape: label of the shape; of a first use, what was on disk before.
        against: the other implementation; empty for a first use, which has none.
        ratio: its time by the engine's, above 1 where the engine is faster; None if there is none
            or it is not installed.
        milliseconds: the engine's time of a call; of a first use, how much longer it took.
        backend: what the engine ran on.
    """

    work: str
    cell: str
    shape: str
    against: str
    ratio: float | None
    milliseconds: float
    backend: str


def measure_training(cell: str, shape: Shape, seconds: float) -> list[Row]:
    """Measure forward and backward, to the inputs and every weight.

    Args:
        cell: a name that `find_cell` knows.
        shape: the sizes.
        seconds: about how long it may take.

    Returns:
        A row for torch's layers and one for each loop.
    """
    stack, reference = elman_stack(cell, shape), torch_stack(cell, shape)
    width = stack.output_size
    contenders = {
        OURS: training(lambda inputs: stack(inputs)[0], stack, shape, width),
        _name(reference): training(
            lambda inputs: reference(inputs)[0], reference, shape, shape.hidden
        ),
        PLAIN_LOOP: training(plain_loop(stack), stack, shape, width),
        CAREFUL_LOOP: training(careful_loop(stack), stack, shape, width),
    }
    times = _times(contenders, seconds)
    return _rows("train", cell, shape, times, _backend(stack, _draw(shape)))


def measure_inference(cell: str, shape: Shape, seconds: float) -> list[Row]:
    """Measure whole sequences without gradients, on weights that stay as they are.

    Args:
        cell: a name that `find_cell` knows.
        shape: the sizes.
        seconds: about how long it may take.

    Returns:
        A row for torch's layers, one for the plain loop, and for an LSTM one for onnxruntime.
    """
    # As a session of onnxruntime does, it packs its weights before the first call.
    stack, reference = freeze(elman_stack(cell, shape)), torch_stack(cell, shape)
    inputs, loop = _draw(shape), plain_loop(stack)
    contenders: dict[str, Callable[[], Any]] = {
        OURS: lambda: stack(inputs),
        _name(reference): lambda: reference(inputs),
        PLAIN_LOOP: lambda: loop(inputs),
    }
    if is_lstm(cell) and onnx_installed():
        # As many threads as the others have.
        session, array = OnnxLSTM(reference, torch.get_num_threads()), inputs.numpy()
        state = session.initial_state(shape.batch)
        contenders[ONNX] = lambda: session(array, state)
    with torch.no_grad():
        times = _times(contenders, seconds)
        return _rows("infer", cell, shape, times, _backend(stack, inputs))


def measure_step(cell: str, shape: Shape, seconds: float) -> list[Row]:
    """Measure one step of one stream that carries its state on.

    Args:
        cell: a name that `find_cell` knows.
        shape: the sizes, one step of one row.
        seconds: about how long it may take.

    Returns:
        A row for torch's layers, and for an LSTM one for onnxruntime.
    """
    stack, reference = elman_stack(cell, shape), torch_stack(cell, shape)
    inputs = _draw(shape)
    stream, row, reference_state = Stream(stack), inputs[0], None

    def reference_step() -> None:
        nonlocal reference_state
        _, reference_state = reference(inputs, reference_state)

    contenders: dict[str, Callable[[], Any]] = {
        OURS: lambda: stream(row),
        _name(reference): reference_step,
    }
    if is_lstm(cell) and onnx_installed():
        contenders[ONNX] = _onnx_step(reference, inputs)
    with torch.no_grad():
        times = _times(contenders, seconds)
        return _rows("step", cell, shape, times, _backend(stack, inputs))


def measure_first_use(cells: Sequence[str], shape: Shape) -> list[Row]:
    """Measure how much longer the first training call takes than later ones, in fresh processes.

    Args:
        cells: names that `find_cell` knows; each process uses them in this order.
        shape: the sizes.

    Returns:
        Two rows a cell: with no compiled cell on disk, and with those that the first process left.
    """
    with tempfile.TemporaryDirectory() as cache:
        return [
            Row("first use", cell, on_disk, "", None, 1e3 * seconds, backend)
            for on_disk in ON_DISK
            for cell, (seconds, backend) in zip(cells, first_uses(cells, shape, cache), strict=True)
        ]


def _onnx_step(lstm: torch.nn.RNNBase, inputs: Tensor) -> Callable[[], None]:
    # One thread: waking a second one costs more than a single row has to gain.
    session, array = OnnxLSTM(lstm, threads=1), inputs.numpy()
    state = session.initial_state(1)

    def step() -> None:
        nonlocal state
        _, state = session(array, state)

    return step


def _draw(shape: Shape) -> Tensor:
    return torch.randn(shape.time, shape.batch, shape.inputs)


def _name(reference: torch.nn.Module) -> str:
    return f"nn.{type(reference).__name__}"


def _backend(stack: RNN, inputs: Tensor) -> str:
    return explain(first_cell(stack), inputs).partition(":")[0]


def _times(contenders: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, list[float]]:
    return interleaved_seconds(contenders, ROUNDS, seconds=seconds, seldom=LOOPS)


def _rows(
    work: str, cell: str, shape: Shape, times: dict[str, list[float]], backend: str
) -> list[Row]:
    """Compare the others with the engine, round by round."""
    ours = times.pop(OURS)
    ratios: dict[str, float | None] = {
        # Seldom contenders have fewer rounds, the first ones.
        name: statistics.median(theirs / own for theirs, own in zip(seconds, ours, strict=False))
        for name, seconds in times.items()
    }
    if work != "train" and is_lstm(cell) and ONNX not in ratios:
        ratios[ONNX] = None
    milliseconds = 1e3 * statistics.median(ours)
    return [
        Row(work, cell, shape.label, name, ratio, milliseconds, backend)
        for name, ratio in ratios.items()
    ]
