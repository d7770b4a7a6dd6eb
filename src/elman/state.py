"""Operations on cell states: nested tuples of tensors whose first axis is the batch.

A state is a tensor, or a tuple or NamedTuple of states. Everything that carries, reorders,
resets or stores a state goes through these functions, so no other code looks inside one.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Int
from torch import Tensor

State = TypeVar("State")


def map_state(function: Callable[..., Tensor], state: State, *others: State) -> State:
    """Apply a function to corresponding tensors of states of one shape.

    Args:
        function: takes one tensor of each state and returns a tensor.
        state: the state whose structure the result has.
        others: further states of the same structure.

    Returns:
        A state of the same structure holding the results.
    """
    if isinstance(state, Tensor):
        return function(state, *others)  # type: ignore[return-value]
    parts = [map_state(function, *group) for group in zip(state, *others, strict=True)]  # type: ignore[call-overload]
    kind: Any = type(state)
    return kind(*parts) if hasattr(state, "_fields") else kind(parts)


def tensors(state: Any) -> Iterator[Tensor]:
    """Yield the tensors of a state in a fixed order.

    Args:
        state: any state.

    Yields:
        Each tensor, depth first.
    """
    if isinstance(state, Tensor):
        yield state
    else:
        for part in state:
            yield from tensors(part)


def rebuild(like: State, parts: Sequence[Tensor]) -> State:
    """Put tensors back into the structure of a state; the inverse of `tensors`.

    Args:
        like: a state with the wanted structure; its values are not used.
        parts: as many tensors as `like` holds, in the order of `tensors(like)`.

    Returns:
        A state of the structure of `like`.

    Raises:
        ValueError: if the number of tensors differs.
    """
    expected = sum(1 for _ in tensors(like))
    if len(parts) != expected:
        raise ValueError(f"The state holds {expected} tensors, got {len(parts)}.")
    remaining = iter(parts)
    return map_state(lambda _: next(remaining), like)


def detach(state: State) -> State:
    """Cut a state off the graph that made it.

    Args:
        state: any state.

    Returns:
        The same values, with no history.
    """
    return map_state(Tensor.detach, state)


def select(state: State, rows: Int[Tensor, " rows"]) -> State:
    """Pick batch rows of a state, in the given order, repeats allowed.

    Args:
        state: any state.
        rows: indices into the batch axis.

    Returns:
        A state whose batch is `rows`.
    """
    return map_state(lambda tensor: tensor.index_select(0, rows), state)


def where(condition: Bool[Tensor, " batch"], state: State, other: State) -> State:
    """Choose between two states row by row.

    Args:
        condition: True where the row of `state` is wanted.
        state: rows for True.
        other: rows for False.

    Returns:
        The mixed state.
    """

    def choose(left: Tensor, right: Tensor) -> Tensor:
        return torch.where(condition.view(-1, *[1] * (left.dim() - 1)), left, right)

    return map_state(choose, state, other)
