"""Peak memory and time of training an LSTM on long sequences, with and without checkpoints.

Each setting is measured alone in a fresh process (Linux): how far one call of training raises
the peak memory, after a call on a small shape, and the median time of further calls.

    python benchmarks/checkpointing.py [EVERY...]
"""

import multiprocessing
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch
from memory import RESET_PEAK, megabytes

from elman.nn import RNN

TIME, BATCH, FEATURES, HIDDEN = 1024, 32, 64, 256
EVERY = (None, 128, 32)
CALLS = 3


def train(rnn: RNN, inputs: torch.Tensor) -> None:
    rnn.zero_grad()
    rnn(inputs)[0].sum().backward()  # a loss that needs no memory of its own


def measured(every: int | None) -> tuple[float, float]:
    """Return the megabytes that training adds at its peak, and its seconds."""
    torch.manual_seed(1)
    rnn = RNN("lstm", FEATURES, HIDDEN, checkpoint_every=every)
    train(rnn, torch.randn(2, BATCH, FEATURES))
    inputs = torch.randn(TIME, BATCH, FEATURES)
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    before = megabytes("VmRSS")
    train(rnn, inputs)
    added = megabytes("VmHWM") - before
    seconds = []
    for _ in range(CALLS):
        start = time.perf_counter()
        train(rnn, inputs)
        seconds.append(time.perf_counter() - start)
    return added, median(seconds)


def main(settings: Sequence[int | None]) -> None:
    print(f"LSTM, {TIME} steps of {BATCH} rows, hidden {HIDDEN}; torch {torch.__version__}")
    print(f"{'checkpoint_every':<18}{'megabytes':>10}{'seconds':>10}")
    for every in settings:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            added, seconds = pool.apply(measured, (every,))
        print(f"{every or 'none'!s:<18}{added:10.1f}{seconds:10.2f}", flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or EVERY)
