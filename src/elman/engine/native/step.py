"""Single steps of a module on native code, for streams: its weights are packed once."""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from elman.engine.compiler.program import Matrix, Source
from elman.engine.native.code import TARGET, Buffer, Call, Weight, code_for
from elman.engine.native.execute import OUTPUT
from elman.engine.native.kernels import kernels
from elman.engine.native.layout import Layout
from elman.engine.native.multiply import pack_weight, packed_size
from elman.engine.native.threads import available
from elman.engine.trace import Traced
from elman.state import rebuild, tensors


class PackedStep:
    """A step's native code, with the weights of the moment packed for it.

    Args:
        traced: the step of a module.
        module: the module, whose weights may change afterwards.

    Attributes:
        layout: where the words of its calls are.
        output: the buffer that the output lies in, which may be one of the state's.
    """

    layout: Layout
    output: Source

    def __init__(self, traced: Traced, module: nn.Module) -> None:
        self._code = code_for(traced.program, "float32", backward=False, ragged=False, hoist=False)
        self.layout = self._code.layout
        with torch.no_grad():
            vectors, matrices = traced.constants(module)
            self._vectors = [vector.clone() for vector in vectors]
            self._matrices = {
                matrix: _packed(matrices[matrix.index], matrix) for matrix in self.layout.matrices
            }
        alias = self._code.schedule.aliases.get(OUTPUT)
        self.output = alias.source if alias else OUTPUT

    def memory(self, batch: int) -> dict[Source, Tensor]:
        """Return memory for a step's values.

        Args:
            batch: rows.

        Returns:
            A tensor for each value but the inputs, which are still to be put in their places.
        """
        found = {}
        for source, width in self.layout.widths.items():
            if source.kind == "vector":
                found[source] = self._vectors[source.index]
            elif source.kind == "state":
                found[source] = _memory(2, batch, width)
            else:
                rows = 0 if source.kind in ("input", "initial") else batch
                found[source] = _memory(rows, width)
        return found

    def call(self, memory: dict[Source, Tensor], batch: int, step: int) -> Call:
        """Prepare a call of one step.

        Args:
            memory: what `memory` returned; it has to live as long as the call is used.
            batch: rows.
            step: which of two places the state is read from, 0 or 1; it is written to the other.

        Returns:
            The call, in which the addresses of the inputs are still to be set.
        """
        buffers = {
            source: _buffer(source, memory[source].data_ptr(), batch, width)
            for source, width in self.layout.widths.items()
        }
        product = kernels().product
        weights = {
            matrix: Weight(part.data_ptr(), product) for matrix, part in self._matrices.items()
        }
        call = self._code.prepare(self._code.words(buffers, weights, (0, 0), 1, batch))
        call.words[self.layout.header("begin")] = step
        call.words[self.layout.header("end")] = step + 1
        return call

    def inputs(self) -> list[tuple[int, int]]:
        """Return the number of each input that is read, and the word that holds its address."""
        return [
            (source.index, self.layout.buffer(source))
            for source in self.layout.widths
            if source.kind == "input"
        ]


class CompiledStep:
    """A step as a function of inputs and state, in one native call without gradients.

    The weights are those of the moment it is made. Several threads may use it at once.

    Args:
        traced: the step of a module.
        module: the module.
        inputs: example inputs, as the step was traced with.
        state: an example state, likewise.
    """

    def __init__(self, traced: Traced, module: nn.Module, inputs: Any, state: Any) -> None:
        self._packed = PackedStep(traced, module)
        self._inputs = self._packed.inputs()
        self._features = [part.shape[1:] for part in (*tensors(inputs), *tensors(state))]
        self._rebuild = _rebuilder(state, count())
        self._lock = threading.Lock()
        self._prepared_for = 0, 0

    def __call__(self, inputs: Any, state: Any) -> tuple[Tensor, Any]:
        """Advance one step.

        Args:
            inputs: as the step was traced with, any number of rows.
            state: the state before, which stays as it is.

        Returns:
            The output `[batch, output]` and the new state.

        Raises:
            ValueError: if a tensor has another type or shape than the examples had.
        """
        leaves = [leaf.contiguous() for leaf in tensors(inputs)]
        before = [part.contiguous() for part in tensors(state)]
        after = [torch.empty_like(part) for part in before]
        with self._lock:
            self._prepare(leaves[0].shape[0])
            for part, shape in zip((*leaves, *before), self._shapes, strict=True):
                if part.shape != shape or part.dtype != torch.float32:
                    raise ValueError(
                        f"A step of this stream expects torch.float32 {list(shape)}, "
                        f"got {part.dtype} {list(part.shape)}."
                    )
            words = self._call.words
            for number, word in self._inputs:
                words[word] = leaves[number].data_ptr()
            for word, old, new in zip(self._states, before, after, strict=True):
                words[word] = address = old.data_ptr()
                words[word + 1] = (new.data_ptr() - address) // 4
            if self._output is None:
                output = after[self._packed.output.index]
            else:
                output = torch.empty_like(self._memory[OUTPUT])
                words[self._output] = output.data_ptr()
            self._call.run()
        return output, self._rebuild(after)

    def _prepare(self, batch: int) -> None:
        """Make a call for this number of rows, unless the last one was for as many."""
        wanted = batch, available()
        if self._prepared_for == wanted:
            return
        packed = self._packed
        self._memory = packed.memory(batch)
        self._call = packed.call(self._memory, batch, 0)
        self._states = [
            packed.layout.buffer(source) for source in self._memory if source.kind == "state"
        ]
        self._output = packed.layout.buffer(OUTPUT) if packed.output == OUTPUT else None
        self._shapes = [torch.Size((batch, *features)) for features in self._features]
        self._prepared_for = wanted


class CompiledStream:
    """A step that carries its state on in place, in one native call without gradients.

    The weights are those of the moment it is made. One thread may use it at a time.

    Args:
        traced: the step of a module, which has one input.
        module: the module.
        state: the state before the first step.
    """

    def __init__(self, traced: Traced, module: nn.Module, state: Any) -> None:
        self._packed = PackedStep(traced, module)
        self._like = state
        self._batch = next(tensors(state)).shape[0]
        self._memory = self._packed.memory(self._batch)
        place = self._memory[self._packed.output]
        self._outputs = (place, place) if self._packed.output == OUTPUT else tuple(place)
        # A step that reads no inputs has no word for them: any that it does not read will do.
        unread = self._packed.layout.header("lengths")
        self._input = next((word for _, word in self._packed.inputs()), unread)
        self._turn = 0
        self._threads = 0
        self.state = state

    @property
    def state(self) -> Any:
        """A copy of the state."""
        parts = [
            place[self._turn].clone().view(part.shape)
            for place, part in zip(self._places(), tensors(self._like), strict=True)
        ]
        return rebuild(self._like, parts)

    @state.setter
    def state(self, state: Any) -> None:
        """Set what the next step goes on from; it is copied, see `state`."""
        with torch.no_grad():
            for place, part in zip(self._places(), tensors(state), strict=True):
                place[self._turn].copy_(part.reshape(place[self._turn].shape))

    def __call__(self, inputs: Tensor) -> Tensor:
        """Advance one step.

        Args:
            inputs: `[batch, input]`, float32.

        Returns:
            The output `[batch, output]`, in memory of its own.
        """
        inputs = inputs.contiguous()
        if available() != self._threads:
            self._prepare()
        turn = self._turn
        call, words, places, result = self._turns[turn]
        output = torch.empty_like(self._outputs[turn])
        words[self._input] = inputs.data_ptr()
        places[result] = output.data_ptr()
        call.run()
        self._turn = 1 - turn
        return output

    def _places(self) -> list[Tensor]:
        return [self._memory[source] for source in self._memory if source.kind == "state"]

    def _prepare(self) -> None:
        self._threads = available()
        self._turns: list[tuple[Call, Any, Any, int]] = []
        for step in (0, 1):
            call = self._packed.call(self._memory, self._batch, step)
            if self._packed.output == OUTPUT:
                place: tuple[Any, int] = call.words, self._packed.layout.buffer(OUTPUT)
            else:  # it is in the state that has just been written
                output = self._outputs[1 - step]
                call.copy(output.data_ptr(), 4 * output.numel())
                place = call.order, TARGET
            self._turns.append((call, call.words, *place))


def _buffer(source: Source, address: int, batch: int, width: int) -> Buffer:
    """Describe where a step's value lies."""
    if source.kind == "vector":
        return Buffer(address)
    if source.kind == "state":
        return Buffer(address, batch * width, width, alternating=True)
    return Buffer(address, 0, width)


def _packed(weight: Tensor, matrix: Matrix) -> Tensor:
    depth, width = weight.shape[::-1] if matrix.transposed else weight.shape
    return pack_weight(weight, matrix.transposed, _memory(packed_size(depth, width)))


def _memory(*shape: int) -> Tensor:
    """Return memory that later calls may write to, whatever mode it is made in."""
    with torch.inference_mode(False):
        return torch.empty(shape, dtype=torch.float32, device="cpu")


def _rebuilder(like: Any, numbers: Iterator[int]) -> Callable[[Sequence[Tensor]], Any]:
    """Return `rebuild` for states of one structure, which it takes apart here once for all."""
    if isinstance(like, Tensor):
        return itemgetter(next(numbers))
    kind: Any = type(like)
    make = kind._make if hasattr(like, "_fields") else kind
    members = [_rebuilder(part, numbers) for part in like]
    return lambda parts: make([member(parts) for member in members])
