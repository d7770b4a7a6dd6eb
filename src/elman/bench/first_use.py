"""What the first use of a cell costs, in processes of their own."""

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

import torch

from elman.bench.contenders import elman_stack, first_cell, torch_stack, training
from elman.bench.shapes import Shape
from elman.engine import explain

CACHE_VARIABLE = "ELMAN_CACHE"
"""Environment variable that names the folder of compiled cells."""
LATER_CALLS = 3


def first_uses(cells: Sequence[str], shape: Shape, cache: str) -> list[tuple[float, str]]:
    """Train cells once each in a fresh process that knows the cache only.

    Args:
        cells: names that `find_cell` knows, in the order of their use.
        shape: the sizes.
        cache: the folder of compiled cells, empty or left by an earlier call.

    Returns:
        For each cell the seconds that its first call took beyond a later one, and its back end.

    Raises:
        RuntimeError: if the process failed.
    """
    program = "import sys; from elman.bench.first_use import report; report(sys.argv[1])"
    request = json.dumps([cells, shape, torch.get_num_threads()])
    answer = subprocess.run(
        [sys.executable, "-c", program, request],
        env={**os.environ, CACHE_VARIABLE: cache, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        reason = answer.stderr.strip().rpartition("\n")[2]
        raise RuntimeError(f"The first use could not be measured: {reason}")
    return [(seconds, backend) for seconds, backend in json.loads(answer.stdout)]


def report(request: str) -> None:
    """Print what the first use of cells costs in this process, as JSON.

    Args:
        request: JSON of the cells, the shape and the number of threads.
    """
    cells, sizes, threads = json.loads(request)
    torch.set_num_threads(threads)
    shape = Shape(*sizes)
    # What torch's own first call costs is not the cell's.
    layers = torch_stack("lstm", shape)
    training(lambda inputs: layers(inputs)[0], layers, shape, shape.hidden)()
    print(json.dumps([_first_use(cell, shape) for cell in cells]))


def _first_use(cell: str, shape: Shape) -> tuple[float, str]:
    stack = elman_stack(cell, shape)
    call = training(lambda inputs: stack(inputs)[0], stack, shape, stack.output_size)
    seconds = []
    gc.disable()  # as timeit does: looking at all of torch's objects takes longer than the work
    for _ in range(1 + LATER_CALLS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    gc.enable()
    inputs = torch.zeros(shape.time, shape.batch, shape.inputs)
    backend = explain(first_cell(stack), inputs).partition(":")[0]
    return seconds[0] - statistics.median(seconds[1:]), backend
