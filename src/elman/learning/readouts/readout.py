"""What the rules that learn only a linear readout share: reading a batch, writing the weights."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from elman.data import Batch
from elman.errors import ConfigError, DataError
from elman.learning.learner import ReadoutModel
from elman.memory import physical_memory
from elman.state import detach


class Position(NamedTuple):
    """Where the sequences stand between two batches.

    Args:
        state: the model's state.
        steps: steps of each row since its sequence began.
    """

    state: Any
    steps: Int[Tensor, " batch"]


class Reading(NamedTuple):
    """What the readout reads in a batch, and where it has something to learn.

    Args:
        features: what the readout reads.
        counted: where there is a target, after the washout.
    """

    features: Float[Tensor, "time batch features"]
    counted: Bool[Tensor, "time batch"]


def check_readout(rule: str, model: Any) -> None:
    """Refuse a model whose predictions are not a linear map of what can be read.

    Args:
        rule: the name of the rule, for the message.
        model: any model.

    Raises:
        ConfigError: if it is none of `ReadoutModel`, or its readout would not fit into memory.
    """
    readout = getattr(model, "readout", None)
    parts = ("readout_inputs", "errors")
    if not (isinstance(readout, nn.Linear) and all(hasattr(model, part) for part in parts)):
        raise ConfigError(
            f"{rule} learns a linear readout by its squared errors, and this model has none: "
            "learn it by its gradient (bptt, tbptt)."
        )
    width = readout.in_features + 1
    needed, present = 3 * 8 * width * (width + readout.out_features), physical_memory()
    if needed > present:
        raise ConfigError(
            f"{rule}: the sums of {width:,} readout inputs take {needed / 2**30:,.0f} GiB, and "
            f"this machine has {present / 2**30:,.0f} GiB: take fewer units."
        )


def start(model: ReadoutModel, batch_size: int) -> Position:
    """Return the position before the first step.

    Args:
        model: the model.
        batch_size: rows of the batch.
    """
    device = model.readout.weight.device
    steps = torch.zeros(batch_size, dtype=torch.long, device=device)
    return Position(model.initial_state(batch_size), steps)


def read(
    rule: str, model: ReadoutModel, batch: Batch, position: Position, washout: int
) -> tuple[Reading, Position]:
    """Run a model over a batch, up to the readout.

    Args:
        rule: the name of the rule, for messages.
        model: the model.
        batch: inputs and targets.
        position: where the batch begins.
        washout: steps at the beginning of each sequence that are not learnt from.

    Returns:
        What was read, and where the batch ends.

    Raises:
        DataError: if the input or what is read from it is not a number, or a step has a target
            for some outputs only.
    """
    check_finite(rule, "the input", batch.inputs, batch, position)
    features, state = model.readout_inputs(batch.inputs, position.state)
    check_finite(rule, "what the readout reads", features, batch, position)
    counted = find_counted(rule, batch, position, washout)
    after = Position(detach(state), position.steps + len(batch.inputs))
    return Reading(features, counted), after


def check_finite(
    rule: str,
    what: str,
    values: Float[Tensor, "time batch *features"],
    batch: Batch,
    first: Position,
) -> None:
    """Refuse values that are no finite numbers.

    Args:
        rule: the name of the rule, for the message.
        what: what the values are, for the message.
        values: those of each step.
        batch: inputs and targets.
        first: where the batch begins.

    Raises:
        DataError: naming the first such row and step.
    """
    _refuse(rule, what, ~values.isfinite(), batch, first)


def find_counted(
    rule: str, batch: Batch, first: Position, washout: int
) -> Bool[Tensor, "time batch"]:
    """Find the steps to learn from.

    Args:
        rule: the name of the rule, for messages.
        batch: inputs and targets.
        first: where the batch begins.
        washout: steps at the beginning of each sequence that are not learnt from.

    Returns:
        True where there is a target, after the washout.

    Raises:
        DataError: if a target is infinite, or there for some outputs only.
    """
    missing = batch.targets.isnan()
    _refuse(rule, "the target", batch.targets.isinf(), batch, first)
    partly = missing ^ missing.all(-1, keepdim=True)
    _refuse(rule, "a part of the target, but not all of it,", partly, batch, first)
    steps = torch.arange(len(missing), device=missing.device).unsqueeze(1) + first.steps
    return _valid(batch) & ~missing.all(-1) & (steps >= washout)


def with_bias(
    readout: nn.Linear, features: Float[Tensor, "*axes features"]
) -> Float[Tensor, "*axes weights"]:
    """Return what the weights of a readout multiply, in float64.

    Args:
        readout: the readout.
        features: what it reads.

    Returns:
        The features, and a 1 behind them if the readout has a bias.
    """
    inputs = features.double()
    if readout.bias is None:
        return inputs
    return torch.cat([inputs, inputs.new_ones(*inputs.shape[:-1], 1)], dim=-1)


@torch.no_grad()
def write(readout: nn.Linear, weights: Float[Tensor, "weights output"]) -> None:
    """Give a readout its weights and bias.

    Args:
        readout: the readout.
        weights: those of its inputs, the bias last if it has one.
    """
    width = readout.in_features
    readout.weight.copy_(weights[:width].T)
    if readout.bias is not None:
        readout.bias.copy_(weights[width])


def _valid(batch: Batch) -> Bool[Tensor, "time batch"]:
    """Return which steps lie within the lengths of their rows."""
    steps = torch.arange(len(batch.inputs), device=batch.inputs.device).unsqueeze(1)
    if batch.lengths is None:
        return (steps >= 0).expand(batch.inputs.shape[:2])
    return steps < batch.lengths


def _refuse(rule: str, what: str, wrong: Tensor, batch: Batch, first: Position) -> None:
    """Refuse a batch with something wrong at a valid step, `wrong` being `[time, batch, ...]`."""
    places = (wrong.flatten(2).any(-1) if wrong.dim() > 2 else wrong) & _valid(batch)
    if places.any():
        step, row = places.nonzero()[0].tolist()
        raise DataError(
            f"{rule}: {what} is not a finite number at step {int(first.steps[row]) + step} of row "
            f"{row} (both counted from 0): fill it in, or leave that part of the series out."
        )
