"""A stack that listens: one step at a time, its state kept in place."""

import copy
import threading
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from elman.engine import carried_step
from elman.nn.rnn import RNN, RNNState
from elman.state import tensors, where


class Stream:
    """Steps of a whole stack without gradients, for one stream or many side by side.

    The stack's layers, with their projections, and a layer on top run in one native call, on
    weights packed once: those of the moment the stream is made. What cannot be compiled runs
    through the cells' own steps, with the same numbers. Threads that use a stream take turns.

    Args:
        rnn: the stack, in one direction; it runs as in evaluation, without dropout.
        batch_size: streams side by side, at least 1.
        head: a layer on the outputs, such as `nn.Linear`; none if not given.

    Raises:
        ValueError: if the stack is bidirectional, which needs the whole sequence, or the batch
            size is below 1.

    Example:
        >>> stream = Stream(RNN("lstm", 8, 16))
        >>> [list(stream(torch.zeros(1, 8)).shape) for _ in range(2)]
        [[1, 16], [1, 16]]
    """

    def __init__(self, rnn: RNN, batch_size: int = 1, head: nn.Module | None = None) -> None:
        if batch_size < 1:
            raise ValueError(f"Stream: batch_size must be at least 1, got {batch_size}.")
        if rnn.bidirectional:
            raise ValueError("A bidirectional RNN needs the whole sequence and cannot step.")
        # A copy: the stream goes on with these weights, whatever becomes of the stack's.
        module = copy.deepcopy(_Stack(rnn, head or nn.Identity())).eval()
        with torch.no_grad():
            self._initial = module.rnn.initial_state(batch_size)
            part = next(part for part in tensors(self._initial) if part.is_floating_point())
            self._like = part.new_zeros(batch_size, rnn.input_size)
            self._step, self._against = carried_step(
                _Stack.advance, module, self._like, self._initial
            )
        self._shape, self._type, self._device = _description(self._like)
        self._lock = threading.Lock()

    @property
    def backend(self) -> str:
        """One line that names the back end, and why no faster one is used."""
        if self._against is None:
            return "compiled: native code for a step of the whole stack."
        return f"eager: the steps of the cells, because {self._against}."

    @property
    def state(self) -> RNNState:
        """A copy of the state after the last step."""
        with self._lock:
            state: RNNState = self._step.state
        return state

    @state.setter
    def state(self, state: RNNState) -> None:
        """Go on from a copy of another state; see `state`.

        Raises:
            ValueError: if it is no state of the stack with a row for each stream.
        """
        expected = [_description(part) for part in tensors(self._initial)]
        given = [_description(part) for part in tensors(state)]
        if given != expected:
            raise ValueError(
                f"The stream's state consists of {_shown(expected)}, got {_shown(given)}."
            )
        with self._lock:
            self._step.state = state

    def __call__(self, inputs: Float[Tensor, "batch input"]) -> Float[Tensor, "batch output"]:
        """Advance all streams one time step.

        Args:
            inputs: one row a stream.

        Returns:
            The outputs of the last layer, or of the layer on top.

        Raises:
            ValueError: if the inputs do not fit the streams.
        """
        fits = inputs.shape == self._shape and inputs.dtype == self._type
        if not fits or inputs.device != self._device:
            raise ValueError(
                f"The stream expects inputs of {_shown([_description(self._like)])}, "
                f"got {_shown([_description(inputs)])}."
            )
        with self._lock:
            return self._step(inputs)

    def reset(self, rows: Bool[Tensor, " batch"] | None = None) -> None:
        """Start streams afresh.

        Args:
            rows: True for the streams to start afresh; all of them if not given.

        Raises:
            ValueError: if there is not one bool for each stream.
        """
        if rows is None:
            rows = torch.ones(self._shape[:1], dtype=torch.bool, device=self._device)
        if rows.shape != self._shape[:1] or rows.dtype != torch.bool:
            raise ValueError(
                f"rows must be a bool tensor with one entry for each of the {self._shape[0]} "
                f"streams, got {rows.dtype} {list(rows.shape)}."
            )
        with self._lock:
            self._step.state = where(rows, self._initial, self._step.state)


class _Stack(nn.Module):
    """A stack and the layer on its outputs."""

    def __init__(self, rnn: RNN, head: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn
        self.head = head

    @staticmethod
    def advance(module: nn.Module, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        assert isinstance(module, _Stack)
        outputs, state = module.rnn.step(inputs, state)
        return module.head(outputs), state


def _description(tensor: Tensor) -> tuple[torch.Size, torch.dtype, torch.device]:
    return tensor.shape, tensor.dtype, tensor.device


def _shown(parts: list[tuple[torch.Size, torch.dtype, torch.device]]) -> str:
    return ", ".join(f"{dtype} {list(shape)} on {device}" for shape, dtype, device in parts)
