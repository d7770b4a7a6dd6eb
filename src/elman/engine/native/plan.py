"""Native work laid out once and done many times, each time in one call.

A plan holds the arguments of its jobs as 64-bit words. Where a word is an address that only a
call knows, the plan says which of the call's memories it lies in, and how far; native code puts
the address together and runs the jobs one after the other. So nothing is computed again from
shapes, and the interpreter, whose code the kernels push out of the caches, has little to do.
"""

import ctypes
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from elman.engine.native.threads import pool_start

MEMORY, WORDS, SCRATCH, OTHERS = range(4)
"""Numbers of bases: the memory of the call, the words of its jobs, what any job may use while it
runs, and the first of those that a plan takes besides."""

HEAD = ("words", "addresses", "jobs", "start", "home", "scratch")
"""Words at the start of a plan: how many words, addresses and jobs it has, the address of
`GOMP_parallel`, and where in the memory of the call its words and the scratch memory lie. Then
come the words; for each address its word, its base and the bytes after it; and for each job its
function, its first word and its threads."""
_LINE = 8  # words of a cache line


class Address(NamedTuple):
    """Where something lies, so many floats after a base that only a call knows."""

    base: int
    floats: int = 0

    def word(self, number: int) -> "Address":
        """Return the address of one of the words that lie here.

        Args:
            number: which word.

        Returns:
            Its address.
        """
        return Address(self.base, self.floats + 2 * number)


Word = int | Address
"""A word of a job's argument: a number, or an address known then."""


def after(address: Word, floats: int) -> Word:
    """Return the address some floats after another.

    Args:
        address: the address.
        floats: how many.

    Returns:
        The address.
    """
    if isinstance(address, Address):
        return Address(address.base, address.floats + floats)
    return address + 4 * floats


class Plan:
    """Jobs to be done in order, for memories that each call names.

    Attributes:
        floats: the memory that a call needs besides what it names.
    """

    floats: int

    def __init__(self) -> None:
        self.floats = 0
        self._scratch = 0
        self._bases = OTHERS
        self._words: list[Word] = []
        self._jobs: list[int] = []
        self._held: list[object] = []

    def base(self) -> int:
        """Return the number of one more memory, which calls name in this order."""
        self._bases += 1
        return self._bases - 1

    def reserve(self, floats: int) -> Address:
        """Reserve some of the call's memory, from the start of a cache line.

        Args:
            floats: how much.

        Returns:
            Where it lies.
        """
        found = Address(MEMORY, self.floats)
        self.floats += _whole_lines(floats)
        return found

    def scratch(self, floats: int) -> Address:
        """Reserve memory that a job uses while it runs, and other jobs after it.

        Args:
            floats: how much.

        Returns:
            Where it lies.
        """
        self._scratch = max(self._scratch, _whole_lines(floats))
        return Address(SCRATCH)

    def add(
        self, entry: int, words: Sequence[Word], *, barrier: int | None = None, held: object = None
    ) -> Address:
        """Add a job.

        Args:
            entry: the address of a function made by `emit_entry`.
            words: its argument, from the header on, which begins with the number of threads.
            barrier: the word that takes the address of a barrier's counter, if it needs one.
            held: what has to live as long as the plan.

        Returns:
            Where its words lie.
        """
        threads = words[0]
        assert isinstance(threads, int)
        position = len(self._words)
        self._words += words
        self._fill_line()
        if barrier is not None:
            self._words[position + barrier] = Address(WORDS, 2 * len(self._words))
            self._words += [0] * _LINE
        self._jobs += (entry, position, threads)
        self._held.append(held)
        return Address(WORDS, 2 * position)

    def set(self, place: Address, word: Word) -> None:
        """Change a word of a job.

        Args:
            place: where it lies.
            word: what it becomes.
        """
        self._words[place.floats // 2] = word

    def finish(self, launch: int) -> "Launch":
        """Make the plan ready for calls; nothing can be added afterwards.

        Args:
            launch: the address of the function of `emit_launch`.

        Returns:
            The calls.
        """
        home = self.reserve(2 * len(self._words)).floats
        scratch = self.reserve(self._scratch).floats
        addresses = [
            (position, word.base, 4 * word.floats)
            for position, word in enumerate(self._words)
            if isinstance(word, Address)
        ]
        count, jobs = len(self._words), len(self._jobs) // 3
        data = array("q", (count, len(addresses), jobs, pool_start(), 4 * home, 4 * scratch))
        data.extend(0 if isinstance(word, Address) else word for word in self._words)
        for address in addresses:
            data.extend(address)
        data.extend(self._jobs)
        return Launch(launch, data, self.floats, self._held)

    def _fill_line(self) -> None:
        self._words += [0] * (-len(self._words) % _LINE)


class Launch:
    """A finished plan; any number of threads may call it at once.

    Args:
        launch: the address of the function of `emit_launch`.
        data: the plan as that function reads it.
        floats: the memory that a call needs besides what it names.
        held: what has to live as long as the plan.

    Attributes:
        floats: as given.
    """

    floats: int

    def __init__(self, launch: int, data: "array[int]", floats: int, held: list[object]) -> None:
        self.floats = floats
        self._run = _FUNCTION(launch)
        self._data = data, held
        self._address = data.buffer_info()[0]

    def __call__(self, memory: int, addresses: Sequence[int]) -> None:
        """Do the work.

        Args:
            memory: the address of `floats` floats, at a cache line.
            addresses: those of the other bases, in the order of their numbers.
        """
        bases = array("q", (memory, 0, 0, *addresses))
        self._run(self._address, bases.buffer_info()[0])


def _whole_lines(floats: int) -> int:
    return -(-floats // (2 * _LINE)) * 2 * _LINE


_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
