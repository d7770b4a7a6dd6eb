"""A program compiled for this processor, and its calls."""

import ctypes
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import torch
from torch import Tensor

from elman.engine.compiler.program import Matrix, Program, Source
from elman.engine.compiler.schedule import schedule
from elman.engine.native.cache import compiled_object
from elman.engine.native.kernels import Precision, kernels
from elman.engine.native.layout import Layout
from elman.engine.native.target import Library, compile_module, host
from elman.engine.native.threads import header, prepared

SHARED_WORK = 2**16
"""Multiplications a step from which few rows are worth several threads."""

THREAD_WORK = 3 * 2**16
"""Multiplications a call from which it is worth several threads."""


class Buffer(NamedTuple):
    """Where a row of each step lies.

    Attributes:
        tensor: keeps the memory; its address is the base.
        time_stride: floats from one step to the next.
        row_stride: floats from one row to the next.
        alternating: whether there are two places in turn instead of one a step.
        offset: floats before the base.
    """

    tensor: Tensor
    time_stride: int = 0
    row_stride: int = 0
    alternating: bool = False
    offset: int = 0

    def words(self) -> tuple[int, int, int, int]:
        """Return the buffer as the words that the code reads."""
        mask = 1 if self.alternating else -1
        return self.tensor.data_ptr() + 4 * self.offset, self.time_stride, self.row_stride, mask


class Code:
    """A program's native code.

    Args:
        program: a simplified program.
        precision: what products round their factors to.
        backward: whether it walks time in reverse.
        ragged: whether rows may sit out steps and be reset.
        hoist: whether products of inputs alone are done beforehand.
    """

    def __init__(
        self,
        program: Program,
        precision: Precision,
        *,
        backward: bool,
        ragged: bool,
        hoist: bool,
    ) -> None:
        self.precision = precision
        self.schedule = schedule(program, backward=backward, ragged=ragged, hoist=hoist)
        self.layout = Layout(self.schedule, resets=ragged and not backward)
        products = [product for stage in self.schedule.stages for product in stage.products]
        self.work = sum(product.left_width * product.width for product in products)
        depths = [product.left_width for product in products]
        self._line = max([0, *map(kernels(precision).scratch_line, depths)])

        def build() -> bytes:
            from elman.engine.native.loop import emit

            return compile_module(
                emit(
                    *(self.schedule, self.layout, host(), precision),
                    ragged=ragged,
                    backward=backward,
                )
            )

        flags = f"{precision} ragged {ragged} backward {backward} hoist {hoist}"
        key = f"{flags}\n{program.text()}"
        self._library = Library.from_object(compiled_object(key, build))
        self._entry = self._library.address("entry")
        self._barrier = self.layout.header("barrier")

    def threads(self, time: int, batch: int) -> tuple[int, bool]:
        """Choose how a call uses the processor, from its sizes alone.

        Args:
            time: steps.
            batch: rows.

        Returns:
            The threads, and whether they share all rows.
        """
        threads = torch.get_num_threads()
        if threads == 1 or time * batch * self.work < THREAD_WORK:
            return 1, False
        if batch >= 2 * threads:
            return threads, False
        return (threads, True) if batch * self.work >= SHARED_WORK else (1, False)

    def job(
        self,
        buffers: dict[Source, Buffer],
        packed: dict[Matrix, Tensor],
        ragged: tuple[Tensor, Tensor] | None,
        time: int,
        batch: int,
    ) -> Callable[[], None]:
        """Prepare a run over all steps.

        Args:
            buffers: where everything lies; must live until the run.
            packed: the packed weights; likewise.
            ragged: lengths and resets, for code made for them.
            time: steps.
            batch: rows.

        Returns:
            The run.
        """
        words = self.words(buffers, packed, ragged, time, batch)
        if not self._line:
            return self.prepare(words).run
        scratch = torch.empty(words[0] * batch * self._line)
        first = self.layout.header("scratch")
        words[first : first + 2] = scratch.data_ptr(), batch * self._line
        return partial(_run_in, self.prepare(words).run, scratch)

    def words(
        self,
        buffers: dict[Source, Buffer],
        packed: dict[Matrix, Tensor],
        ragged: tuple[Tensor, Tensor] | None,
        time: int,
        batch: int,
    ) -> list[int]:
        """Return the argument of a call.

        Args:
            buffers: as in `run`.
            packed: as in `run`.
            ragged: as in `run`.
            time: steps.
            batch: rows.

        Returns:
            The words, for `prepare`.
        """
        threads, shared = self.threads(time, batch)
        words = [*header(threads), 0, time, batch, shared, 0, kernels(self.precision).product]
        words += [part.data_ptr() for part in ragged] if ragged else [0, 0]
        words += [0, 0]
        for source in self.layout.widths:
            words += buffers[source].words()
        words += [packed[matrix].data_ptr() for matrix in self.layout.matrices]
        return words

    def prepare(self, words: list[int]) -> "Call":
        """Prepare a call that may be made many times.

        Args:
            words: what `words` returned.

        Returns:
            The call.
        """
        return Call(self._entry, self._barrier, words)


class Call:
    """A call of native code with an argument of its own.

    Args:
        entry: the address of the code.
        barrier: the word that holds the address of the barrier's counter.
        words: the argument.

    Attributes:
        words: the argument, in which addresses may be changed from call to call.
        run: makes the call.
    """

    words: "ctypes.Array[ctypes.c_int64]"
    run: Callable[[], None]

    def __init__(self, entry: int, barrier: int, words: list[int]) -> None:
        # Behind them the counter of the barrier, on a cache line of its own.
        self.words = (ctypes.c_int64 * (len(words) + 16))(*words)
        address = ctypes.addressof(self.words)
        counter = len(words) + (-(address // 8 + len(words))) % 8
        self.words[barrier] = address + 8 * counter
        run = prepared(entry, self.words, words[0])
        self.run = run if words[0] == 1 else partial(_run_together, self.words, counter, run)


def _run_together(
    words: "ctypes.Array[ctypes.c_int64]", counter: int, run: Callable[[], None]
) -> None:
    words[counter] = 0
    run()


def _run_in(run: Callable[[], None], _scratch: Tensor) -> None:
    """Make a call, holding the memory that it works in."""
    run()


@lru_cache(maxsize=1024)
def code_for(
    program: Program, precision: Precision, *, backward: bool, ragged: bool, hoist: bool
) -> Code:
    """Return a program's code, compiled once.

    Args:
        program: a simplified program.
        precision: what products round their factors to.
        backward: whether it walks time in reverse.
        ragged: whether rows may sit out steps and be reset.
        hoist: whether products of inputs alone are done beforehand.

    Returns:
        The code.
    """
    return Code(program, precision, backward=backward, ragged=ragged, hoist=hoist)
