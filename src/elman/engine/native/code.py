"""A program compiled for this processor, and its calls."""

import ctypes
from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from elman.engine.compiler.program import Matrix, Program, Source
from elman.engine.compiler.schedule import schedule
from elman.engine.native.arguments import REPEAT_WORDS
from elman.engine.native.cache import compiled_object
from elman.engine.native.kernels import Precision, kernels
from elman.engine.native.layout import Layout
from elman.engine.native.plan import Plan, Word
from elman.engine.native.target import Library, compile_module, host
from elman.engine.native.threads import available, header, pool_start

SHARED_WORK = 2**16
"""Multiplications a step from which few rows are worth several threads."""

THREAD_WORK = 2**17
"""Multiplications a call from which it is worth several threads."""

TARGET = REPEAT_WORDS.index("target")
"""Which word of a call's order says where it copies to."""

_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Weight(NamedTuple):
    """A weight as the code reads it.

    Attributes:
        address: where it lies.
        product: the address of the product kernel for the form that it has there.
    """

    address: Word
    product: int


class Buffer(NamedTuple):
    """Where a row of each step lies.

    Attributes:
        address: that of the first row.
        time_stride: floats from one step to the next.
        row_stride: floats from one row to the next.
        alternating: whether there are two places in turn instead of one a step.
    """

    address: Word
    time_stride: int = 0
    row_stride: int = 0
    alternating: bool = False

    def words(self) -> tuple[Word, int, int, int]:
        """Return the buffer as the words that the code reads."""
        return self.address, self.time_stride, self.row_stride, 1 if self.alternating else -1


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
        threads = available()
        if threads == 1 or time * batch * self.work < THREAD_WORK:
            return 1, False
        if batch >= 2 * threads:
            return threads, False
        return (threads, True) if batch * self.work >= SHARED_WORK else (1, False)

    def add(
        self,
        plan: Plan,
        buffers: dict[Source, Buffer],
        weights: dict[Matrix, Weight],
        ragged: tuple[Word, Word],
        time: int,
        batch: int,
    ) -> None:
        """Add a run over all steps to a plan.

        Args:
            plan: where the job is added.
            buffers: as in `words`.
            weights: as in `words`.
            ragged: as in `words`.
            time: steps.
            batch: rows.
        """
        words = self.words(buffers, weights, ragged, time, batch)
        threads = words[0]
        if self._line and isinstance(threads, int):
            first = self.layout.header("scratch")
            size = batch * self._line
            words[first : first + 2] = plan.scratch(threads * size), size
        plan.add(self._entry, words, barrier=self._barrier, held=self)

    def words(
        self,
        buffers: dict[Source, Buffer],
        weights: dict[Matrix, Weight],
        ragged: tuple[Word, Word],
        time: int,
        batch: int,
    ) -> list[Word]:
        """Return the argument of a call.

        Args:
            buffers: where everything lies.
            weights: the weights.
            ragged: where lengths and resets lie, for code made for them.
            time: steps.
            batch: rows.

        Returns:
            The words.
        """
        threads, shared = self.threads(time, batch)
        words: list[Word] = [*header(threads), 0, time, batch, shared, 0]
        words += [*ragged, 0, 0]
        for source in self.layout.widths:
            words += buffers[source].words()
        for matrix in self.layout.matrices:
            words += weights[matrix]
        return words

    def prepare(self, words: Sequence[Word]) -> "Call":
        """Prepare a call that may be made many times.

        Args:
            words: what `words` returned for addresses that are known.

        Returns:
            The call.
        """
        return Call(self._entry, self._barrier, [word for word in words if isinstance(word, int)])


class Call:
    """A call of native code with an argument of its own.

    Args:
        entry: the address of the code.
        barrier: the word that holds the address of the barrier's counter.
        words: the argument.

    Attributes:
        words: the argument, in which addresses may be changed from call to call.
        order: words of the call itself, of which that of `TARGET` says where `copy` copies to.
        run: makes the call, as long as this object lives.
    """

    words: "ctypes.Array[ctypes.c_int64]"
    order: "array[int]"
    run: Callable[[], None]

    def __init__(self, entry: int, barrier: int, words: list[int]) -> None:
        # Behind them the counter of the barrier, on a cache line of its own.
        self.words = (ctypes.c_int64 * (len(words) + 16))(*words)
        address = ctypes.addressof(self.words)
        counter = address + 8 * (len(words) + (-(address // 8 + len(words))) % 8)
        self.words[barrier] = counter
        order = {
            **dict.fromkeys(REPEAT_WORDS, 0),
            **{"entry": entry, "data": address, "threads": words[0]},
            **{"start": pool_start(), "counter": counter},
        }
        self.order = array("q", order.values())
        self.run = partial(_FUNCTION(kernels().repeat), self.order.buffer_info()[0])

    def copy(self, source: int, count: int) -> None:
        """Copy something whenever the code has run.

        Args:
            source: its address.
            count: bytes.
        """
        for name, word in (("source", source), ("bytes", count)):
            self.order[REPEAT_WORDS.index(name)] = word


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
