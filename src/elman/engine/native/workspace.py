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
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

_SMALL = 2**15
"""Floats below which the system hands out used memory again by itself, and sooner."""

_LINE = 16
"""Floats of a cache line."""

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

    def take(self, floats: int) -> "Block":
        """Take memory that is given back by hand: what only one call of native code uses.

        Args:
            floats: its size.

        Returns:
            At least as much memory, for `give_back`.
        """
        return self._pool.take(floats)

    def give_back(self, block: "Block") -> None:
        """Give back what `take` returned.

        Args:
            block: the memory; nobody uses it any more.
        """
        self._pool.give_back(block)


class Block(NamedTuple):
    """Memory in one piece.

    Attributes:
        address: where it begins, at a cache line.
        tensor: all of it, flat.
        array: the same.
    """

    address: int
    tensor: Tensor
    array: np.ndarray[Any, np.dtype[np.float32]]


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
            tuple[int, int, Block]
        ] = []  # idle: size, number of its arrival, memory
        self._loans: dict[int, _Loan] = {}
        # Memory comes back whenever Python collects garbage, perhaps while this thread holds the
        # lock: then it only waits here.
        self._returned: deque[Block] = deque()
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
            self._collect()
            block = self._take(size, bisect_left(self._buffers, (size,)))
        part = block.array[:size]
        loan = _Loan(part, self._come_back)
        loan.block = block
        self._loans[id(loan)] = loan
        return torch.from_numpy(part)

    def take(self, size: int) -> Block:
        """Lend memory until it is given back.

        Args:
            size: its floats.

        Returns:
            At least as much memory.
        """
        if size < _SMALL:
            return _fresh_block(size)
        with self._lock:
            self._collect()
            # The one used last is still in the caches.
            fitting = [
                (arrival, number)
                for number, (held, arrival, _) in enumerate(self._buffers)
                if size <= held <= _WASTE * size
            ]
            return self._take(size, max(fitting)[1] if fitting else len(self._buffers))

    def give_back(self, block: Block) -> None:
        """Take memory back.

        Args:
            block: what `take` returned.
        """
        if block.array.size >= _SMALL:
            self._returned.append(block)

    def forget_other_threads(self) -> None:
        """Make the pool usable in a forked process, whatever other threads did to it."""
        self._lock = threading.Lock()

    def _come_back(self, loan: Any) -> None:
        del self._loans[id(loan)]
        self._returned.append(loan.block)

    def _take(self, size: int, number: int) -> Block:
        """Take one of the idle buffers, or a new one if that one is too large or there is none."""
        self._count += 1
        if number < len(self._buffers) and self._buffers[number][0] <= _WASTE * size:
            _, _, block = self._buffers.pop(number)
            self.idle -= block.array.size
        else:
            self._drop(max(self._peak + self._peak // 4, self.lent + size) - size)
            block = _fresh_block(size)
        self.lent += block.array.size
        self._recent_peak = max(self._recent_peak, self.lent)
        self._peak = max(self._peak, self._recent_peak)
        if self._count % _WINDOW == 0:
            self._peak, self._recent_peak = self._recent_peak, self.lent
            self._drop(self._peak + self._peak // 4)
        return block

    def _collect(self) -> None:
        """Take in what has come back."""
        while self._returned:
            block = self._returned.popleft()
            size = block.array.size
            self.lent -= size
            self.idle += size
            self._arrivals += 1
            insort(self._buffers, (size, self._arrivals, block))

    def _drop(self, limit: int) -> None:
        """Drop the buffers idle for longest until at most `limit` floats are held."""
        while self._buffers and self.lent + self.idle > limit:
            oldest = min(self._buffers, key=lambda buffer: buffer[1])
            self._buffers.remove(oldest)
            self.idle -= oldest[0]


class _Loan(weakref.ref[Any]):
    """Tells when lent memory is no longer in use."""

    block: Block


def _fresh_block(size: int) -> Block:
    tensor = _fresh(size)
    return Block(tensor.data_ptr(), tensor, tensor.numpy())


def _fresh(size: int) -> Tensor:
    if size < _SMALL:
        return torch.empty(size, dtype=torch.float32, device="cpu")
    # NumPy asks the system for large pages, which cost a quarter of the page faults' time.
    array = np.empty(size + _LINE, dtype=np.float32)
    before = -array.ctypes.data // array.itemsize % _LINE
    return torch.from_numpy(array[before : before + size])


_shared = Pool()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.forget_other_threads)
