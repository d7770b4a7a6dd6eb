"""A waveform memorised by networks without input: clockwork against LSTM and simple network."""

import os
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells import Cell, ClockworkCell, ElmanCell, LSTMCell
from elman.data import Batch
from elman.errors import DataError
from elman.learning import BPTT, build_optimizer
from elman.nn import RNN, SequenceRegressor
from elman.reproduce.experiment import Experiment, Row
from elman.reproduce.training import train

SAMPLES = 320
FILE_RATE, RATE = 8000, 44100
"""Samples a second of the recordings, and of the waveforms made of them as in the paper."""
RECORDINGS = ("0_george_0", "1_jackson_0", "2_lucas_0", "3_nicolas_0", "4_theo_0")
PERIODS = (1, 2, 4, 8, 16, 32, 64, 128)
FORGET_BIAS = 5.0
DEVIATION = 0.1
MOMENTUM = 0.95
UPDATES = 8000


class System(NamedTuple):
    """A network by the name of its row.

    Args:
        cell: its recurrent layer.
        learning_rate: of Nesterov momentum SGD; the best of 0.03, 0.01, 0.003 and 0.001.
    """

    cell: Cell[Any]
    learning_rate: float


def systems() -> dict[str, System]:
    """Build the networks' layers, of equal size in weights.

    Returns:
        Systems by the names of the rows.
    """
    return {
        "clockwork": System(ClockworkCell(1, 40, periods=PERIODS), 0.01),
        "lstm": System(LSTMCell(1, 15), 0.003),
        "elman": System(ElmanCell(1, 30), 0.003),
    }


def read_waveform(folder: Path, name: str) -> Float[np.ndarray, " time"]:
    """Take the loudest 7 ms of a recording, as `SAMPLES` samples in [-1, 1].

    Args:
        folder: the recordings, 16 bit and mono at `FILE_RATE` Hz.
        name: the recording, without its ending.

    Returns:
        The waveform at `RATE` Hz, interpolated by the sinc function (the recording holds nothing
        above half of `FILE_RATE`).

    Raises:
        DataError: if the recording cannot be read.
    """
    path = folder / f"{name}.wav"
    try:
        with wave.open(str(path)) as file:
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise DataError(
            f"{path} cannot be read as a recording of spoken digits: {error}."
        ) from None
    recording = np.frombuffer(data, dtype="<i2").astype(np.float64)
    span = SAMPLES * FILE_RATE // RATE + 1
    if len(recording) < span:
        raise DataError(f"{path} holds {len(recording)} samples, too few for {span}.")
    start = int(np.convolve(recording**2, np.ones(span), "valid").argmax())
    times = start + np.arange(SAMPLES) * FILE_RATE / RATE
    waveform = np.sinc(times[:, None] - np.arange(len(recording))) @ recording
    low, high = waveform.min(), waveform.max()
    if low == high:
        raise DataError(f"{path} is silent.")
    return 2 * (waveform - low) / (high - low) - 1


def acting_weights(model: nn.Module) -> int:
    """Count the weights that act on a network without input.

    Args:
        model: a network; its `input_map.weight` reads nothing but zeros.

    Returns:
        Their number.
    """
    return sum(
        parameter.numel()
        for name, parameter in model.named_parameters()
        if not name.endswith("input_map.weight")
    )


def memorise(system: System, waveform: Float[Tensor, "time 1 1"], updates: int) -> float:
    """Train a network to generate a waveform from nothing.

    Args:
        system: its recurrent layer and learning rate.
        waveform: `[time, 1, 1]`.
        updates: passes over the waveform.

    Returns:
        The mean squared error over the waveform's variance (NMSE), after the last update.
    """
    cell, learning_rate = system
    model = SequenceRegressor(RNN(cell), output_size=1)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=DEVIATION)
    if isinstance(cell, LSTMCell):
        units = cell.output_size
        nn.init.constant_(cell.input_map.bias[units : 2 * units], FORGET_BIAS)
    batch = Batch(torch.zeros_like(waveform), waveform, None)
    learner = BPTT(
        build_optimizer(
            "nesterov", model.parameters(), learning_rate=learning_rate, momentum=MOMENTUM
        )
    )
    train(model, learner, lambda: batch, updates)
    with torch.no_grad():
        predictions, _ = model(batch.inputs, model.initial_state(1))
        error = model.criterion(predictions, waveform)
    return float(error / waveform.var(correction=0))


def run(seed: int) -> Mapping[str, float]:
    """Memorise one of the recordings; see `EXPERIMENT`.

    Args:
        seed: from 1; also chooses the recording, one after the other.

    Returns:
        NMSE by system.

    Raises:
        DataError: if the recordings are not there.
    """
    root = os.environ.get("ELMAN_DATA")
    if root is None:
        raise DataError(
            "clockwork-audio memorises spoken digits: set ELMAN_DATA to the folder that holds "
            "fsdd/recordings."
        )
    recording = RECORDINGS[(seed - 1) % len(RECORDINGS)]
    samples = read_waveform(Path(root) / "fsdd" / "recordings", recording)
    waveform = torch.from_numpy(samples).float().view(-1, 1, 1)
    return {name: memorise(system, waveform, UPDATES) for name, system in systems().items()}


EXPERIMENT = Experiment(
    paper="Koutnik, Greff, Gomez & Schmidhuber 2014, A clockwork RNN, section 4.1 "
    "(sequence generation)",
    setting="320 samples at 44.1 kHz regenerated without input by networks of about 1,000 "
    "weights from N(0, 0.1): clockwork 40 units in 8 groups, LSTM 15, Elman 30; Nesterov momentum "
    "0.95, BPTT over the whole waveform. Differs: spoken digits (one recording a seed) in place "
    "of music, periods to 128, 8,000 updates, rates 0.01, 0.003, 0.003.",
    rows=(
        Row("clockwork", "NMSE", published=0.007, target=0.007),
        Row("lstm", "NMSE", published=0.04),
        Row("elman", "NMSE", published=0.46),
    ),
    run=run,
)
"""The experiment."""
