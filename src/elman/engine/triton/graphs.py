"""Loops over launches recorded as CUDA graphs, since launching costs more than a small kernel."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from elman.engine.compiler.program import Source

RECORDINGS = 16
"""Recordings that are kept; the one longest unused makes room."""

Buffers = Mapping[Source, Tensor]
Loop = Callable[[Buffers], None]


class _Recording(NamedTuple):
    """A graph and the buffers that it reads and writes."""

    replay: Callable[[], None]
    buffers: dict[Source, Tensor]


_recordings: OrderedDict[Hashable, _Recording | None] = OrderedDict()
_lock = threading.Lock()


def replayed(
    key: Hashable, loop: Loop, buffers: Buffers, fresh: set[Source], wanted: set[Source]
) -> None:
    """Run a loop of launches, from its second run on as one graph.

    Args:
        key: what the loop does, apart from the values in its buffers.
        loop: launches on the buffers that it is given, always the same for one key.
        buffers: everything it reads and writes.
        fresh: the buffers whose values before the loop do not matter.
        wanted: the buffers whose values after the loop matter.
    """
    device = next(iter(buffers.values())).device
    if not _can_record(device):
        loop(buffers)
        return
    whole = key, *_order(device)
    with _lock:
        seen = whole in _recordings
        recording = _recordings.setdefault(whole, None)
        _recordings.move_to_end(whole)
        while len(_recordings) > RECORDINGS:
            _recordings.popitem(last=False)
    if not seen:
        loop(buffers)  # which also compiles the kernels: a recording cannot
        return
    if recording is None:
        own = {source: torch.empty_like(buffer) for source, buffer in buffers.items()}
        recording = _Recording(_record(loop, own), own)
        with _lock:
            _recordings[whole] = recording
    for source, buffer in buffers.items():
        if source not in fresh:
            recording.buffers[source].copy_(buffer)
    recording.replay()
    for source in wanted:
        buffers[source].copy_(recording.buffers[source])


def _can_record(device: torch.device) -> bool:
    return device.type == "cuda" and not torch.cuda.is_current_stream_capturing()


def _order(device: torch.device) -> tuple[Hashable, ...]:
    """Name what runs one after the other and so can share a recording's buffers."""
    return device, torch.cuda.current_stream(device), threading.get_ident()


def _record(loop: Loop, buffers: Buffers) -> Callable[[], None]:
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        loop(buffers)
    return graph.replay
