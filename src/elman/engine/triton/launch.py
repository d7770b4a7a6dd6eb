"""Generated kernels made callable, and their launches."""

import hashlib
import linecache
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from elman.engine.compiler.program import Source
from elman.engine.triton.kernel import Kernel, in_turn


def launch(
    kernel: Kernel,
    buffers: Mapping[Source, Tensor],
    *,
    time: int,
    batch: int,
    step: int = 0,
    rows: int,
    warps: int,
) -> None:
    """Run a kernel on all rows of the batch.

    Args:
        kernel: the kernel.
        buffers: contiguous: its rows, `[places, batch, features]` for those that have places in
            time; each `matrix`; `lengths` `[batch]` and `resets` `[time + 1, batch]` as bytes,
            if it reads them.
        time: time steps.
        batch: rows of the batch.
        step: the step that a kernel without a loop computes.
        rows: rows that one program instance works on, a power of two.
        warps: of 32 threads that work on them.
    """
    given = [buffers[source] for source in kernel.buffers]
    given += [buffers[Source("matrix", index)] for index in kernel.matrices]
    flags = [buffers.get(Source(kind, 0)) for kind in ("lengths", "resets")]
    places = [len(buffers[source]) for source in kernel.buffers if in_turn(source)]
    function = compiled(kernel.text)
    with torch.cuda.device_of(given[0]):
        function[(-(-batch // rows),)](
            *(*given, *flags, *places, time, batch, step),
            ROWS=rows,
            num_warps=warps,
            # More stages would fetch rows of the next step before this one has written them.
            num_stages=1,
            enable_fp_fusion=True,
        )


@lru_cache(maxsize=1024)
def compiled(text: str) -> Any:
    """Return the kernel that a text defines.

    Args:
        text: a module that defines the function `kernel`.

    Returns:
        The function, compiled by Triton at its first call.
    """
    # Triton reads the source of a function, which linecache can give it without a file.
    name = f"<elman kernel {hashlib.sha256(text.encode()).hexdigest()}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope: dict[str, Any] = {"__name__": "elman.engine.triton.generated"}
    exec(compile(text, name, "exec"), scope)
    return scope["kernel"]
