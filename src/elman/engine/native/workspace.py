"""Memory that calls borrow and that later calls borrow again.

A fresh buffer of 51 MB costs 12 ms of page faults, more than what runs on it. So memory goes back
to a list instead of to the system, when the last tensor that uses it is gone: whoever holds a
view of a borrowed tensor, such as a graph waiting for its backward pass, keeps it valid.
"""

import os
import threading
import weakref
from bisect import bisect_left, insort
from collections import deque
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

_Block = np.ndarray[Any, np.dtype[np.float32]]

_SMALL = 2**15
"""Floats below which the system hands out used memory again by itself, and sooner."""

_WASTE = 4
"""How many times as large as needed a buffer that is used again may be."""

_WINDOW = 256
"""Loans after which it is forgotten how much memory was in use at once before them."""


class Workspace:
    """Lends the memory of one call; all workspaces share one list of idle buffers.

    Any number of workspaces may live at once, on any threads.

    Args:
        pool: the list of idle buffers; that of the process if not given.
    """

    def __init__(self, pool: "Pool | None" = None) -> None:
        self._pool = pool or _shared

    def borrow(self, shape: tuple[int, ...]) -> Tensor:
        """Lend a tensor.

        Args:
            shape: its shape.

        Returns:
            A float32 tensor, contiguous, uninitialised, 64-byte aligned. Its memory goes back by
            itself when neither it nor a view of it is left.
        """
        return self._pool.lend(prod(shape)).view(shape)


class Pool:
    """Idle buffers, and no more of them than were of use lately.

    The memory held, lent and idle together, is at most a quarter above what was lent at once at
    the peak of recent calls; beyond that the buffers idle for longest go back to the system.

    Attributes:
        lent: floats of the buffers lent now.
        idle: floats of the idle ones.
    """

    lent: int
    idle: int

    def __init__(self) -> None:
        self.lent = 0
        self.idle = 0
        self._lock = threading.Lock()
        self._buffers: list[
            tuple[int, int, _Block]
        ] = []  # idle: size, number of its arrival, memory
        self._loans: dict[int, _Loan] = {}
        # Memory comes back whenever Python collects garbage, perhaps while this thread holds the
        # lock: then it only waits here.
        self._returned: deque[_Block] = deque()
        self._arrivals = 0
        self._count = 0
        self._peak = 0
        self._recent_peak = 0

    def lend(self, size: int) -> Tensor:
        """Lend a flat tensor.

        Args:
            size: its floats.

        Returns:
            The tensor, uninitialised.
        """
        if size < _SMALL:
            return _fresh(size)
        with self._lock:
            block = self._take(size)
        part = block[:size]
        loan = _Loan(part, self._come_back)
        loan.block = block
        self._loans[id(loan)] = loan
        return torch.from_numpy(part)

    def forget_other_threads(self) -> None:
        """Make the pool usable in a forked process, whatever other threads did to it."""
        self._lock = threading.Lock()

    def _come_back(self, loan: Any) -> None:
        del self._loans[id(loan)]
        self._returned.append(loan.block)

    def _take(self, size: int) -> _Block:
        self._collect()
        self._count += 1
        if self._count % _WINDOW == 0:
            self._peak, self._recent_peak = self._recent_peak, self.lent
            self._drop(self._peak + self._peak // 4)
        found = bisect_left(self._buffers, (size,))
        if found < len(self._buffers) and self._buffers[found][0] <= _WASTE * size:
            block = self._buffers.pop(found)[2]
            self.idle -= block.size
        else:
            self._drop(max(self._peak + self._peak // 4, self.lent + size) - size)
            block = _fresh(size).numpy()
        self.lent += block.size
        self._recent_peak = max(self._recent_peak, self.lent)
        self._peak = max(self._peak, self._recent_peak)
        return block

    def _collect(self) -> None:
        """Take in what has come back."""
        while self._returned:
            block = self._returned.popleft()
            self.lent -= block.size
            self.idle += block.size
            self._arrivals += 1
            insort(self._buffers, (block.size, self._arrivals, block))

    def _drop(self, limit: int) -> None:
        """Drop the buffers idle for longest until at most `limit` floats are held."""
        while self._buffers and self.lent + self.idle > limit:
            oldest = min(self._buffers, key=lambda buffer: buffer[1])
            self._buffers.remove(oldest)
            self.idle -= oldest[0]


class _Loan(weakref.ref[_Block]):
    """Tells when lent memory is no longer in use."""

    block: _Block


def _fresh(size: int) -> Tensor:
    return torch.empty(size, dtype=torch.float32, device="cpu")


_shared = Pool()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.forget_other_threads)
