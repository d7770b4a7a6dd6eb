"""What a step computes from its weights alone: done once for all time steps."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Reference(NamedTuple):
    """The value of an entry, or one of the values where it has several."""

    entry: int
    output: int | None = None


class Stored(NamedTuple):
    """A parameter or buffer of the module, by the names that lead to it."""

    path: tuple[str, ...]
    buffer: bool


class Held(NamedTuple):
    """A tensor that is not the module's."""

    tensor: Tensor


class Call(NamedTuple):
    """An operation on other entries.

    Attributes:
        function: an aten operation.
        arguments: its arguments, with a `Reference` in place of each tensor.
        options: its keyword arguments, likewise.
        gradients: whether gradients flow through it.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    gradients: bool


Entry = Stored | Held | Call


def replaced(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    """Change the values of one type among an operation's arguments.

    Args:
        value: an argument, or a list, tuple or dictionary of arguments.
        kind: the type to look for.
        change: what to put in the place of each value of that type.

    Returns:
        The arguments with the values changed.
    """
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, Reference | torch.Size):
        return value
    if isinstance(value, list | tuple):
        return type(value)(replaced(part, kind, change) for part in value)
    if isinstance(value, dict):
        return {name: replaced(part, kind, change) for name, part in value.items()}
    return value


@dataclass(frozen=True)
class Constants:
    """How the vectors and matrices of a program are computed.

    Attributes:
        entries: stored tensors and calls, each after those it needs.
        vectors: where each vector is.
        matrices: where each matrix is.
    """

    entries: tuple[Entry, ...]
    vectors: tuple[Reference, ...]
    matrices: tuple[Reference, ...]

    def compute(self, module: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
        """Compute the vectors and matrices, differentiable in the module's parameters.

        Args:
            module: the module that was traced, or one like it.

        Returns:
            The vectors `[features]` and the matrices `[rows, columns]`.
        """
        values: list[Any] = []

        def value(reference: Reference) -> Tensor:
            found = values[reference.entry]
            return found if reference.output is None else found[reference.output]

        for entry in self.entries:
            if isinstance(entry, Stored):
                values.append(_stored(module, entry))
            elif isinstance(entry, Held):
                values.append(entry.tensor)
            else:
                arguments = replaced(entry.arguments, Reference, value)
                options = replaced(entry.options, Reference, value)
                with torch.set_grad_enabled(entry.gradients and torch.is_grad_enabled()):
                    values.append(entry.function(*arguments, **options))
        return [value(vector) for vector in self.vectors], [value(one) for one in self.matrices]

    def sources(self, module: nn.Module) -> list[Tensor]:
        """Return the tensors that the vectors and matrices are computed from.

        Args:
            module: the module, as for `compute`.

        Returns:
            Stored tensors and others, in the order of the entries.
        """
        return [
            _stored(module, entry) if isinstance(entry, Stored) else entry.tensor
            for entry in self.entries
            if not isinstance(entry, Call)
        ]

    def only(self, vectors: Iterable[int], matrices: Iterable[int]) -> "Constants":
        """Return how some of the vectors and matrices are computed.

        Args:
            vectors: numbers of vectors.
            matrices: numbers of matrices.

        Returns:
            The computation, with no entry that none of them needs.
        """
        chosen = [self.vectors[number] for number in vectors]
        return _needed(self.entries, chosen, [self.matrices[number] for number in matrices])

    def text(self) -> str:
        """Return what is computed as text, equal for equal computations."""
        lines = [_described(entry) for entry in self.entries]
        return "\n".join([*lines, repr(self.vectors), repr(self.matrices)])


def _needed(
    entries: Sequence[Entry], vectors: Iterable[Reference], matrices: Iterable[Reference]
) -> Constants:
    """Keep the entries that some vector or matrix needs, numbered anew."""
    vectors, matrices = list(vectors), list(matrices)
    wanted = {reference.entry for reference in (*vectors, *matrices)}
    for number in reversed(range(len(entries))):
        entry = entries[number]
        if number in wanted and isinstance(entry, Call):
            replaced(
                (entry.arguments, entry.options), Reference, lambda part: wanted.add(part.entry)
            )
    new = {number: position for position, number in enumerate(sorted(wanted))}

    def moved(reference: Reference) -> Reference:
        return Reference(new[reference.entry], reference.output)

    kept: list[Entry] = []
    for number in sorted(wanted):
        entry = entries[number]
        if isinstance(entry, Call):
            arguments = replaced(entry.arguments, Reference, moved)
            options = replaced(entry.options, Reference, moved)
            entry = Call(entry.function, arguments, options, entry.gradients)
        kept.append(entry)
    return Constants(tuple(kept), tuple(map(moved, vectors)), tuple(map(moved, matrices)))


def _stored(module: nn.Module, entry: Stored) -> Tensor:
    for name in entry.path[:-1]:
        module = module._modules[name]  # type: ignore[assignment]
    place: Any = module._buffers if entry.buffer else module._parameters
    return place[entry.path[-1]]


def _described(entry: Entry) -> str:
    if isinstance(entry, Held):
        tensor = entry.tensor.detach().cpu().contiguous().reshape(-1)
        content = hash(bytes(tensor.view(torch.uint8).tolist()))
        return f"{tensor.dtype} {tuple(entry.tensor.shape)} {content}"
    return repr(entry) if isinstance(entry, Stored) else f"{entry.function} {entry[1:]}"
