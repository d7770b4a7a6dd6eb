"""The contract of a cell: its state, its input projection, its step."""

import inspect
from abc import abstractmethod
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

from torch import Tensor, nn

from elman.state import tensors

StateT = TypeVar("StateT")


class Cell(nn.Module, Generic[StateT]):
    """One time step of a recurrent network.

    A cell knows no time loop: `project` holds all work that needs no state, so that the engine
    does it once for all time steps; `step` does the rest, one time step at a time.

    Args:
        input_size: features of each input vector, at least 1.
        output_size: features of each output vector, at least 1.

    Raises:
        ValueError: if a size is below 1.
    """

    carries_hidden: ClassVar[bool] = False
    """Whether `hidden` is carried over as memory, besides being read through a product."""

    always_advance: ClassVar[tuple[str, ...]] = ()
    """Parts of the state that no wrapper may hold back, such as clocks and running sums."""

    _constructed_with: inspect.BoundArguments

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Remember the constructor's arguments, so that `resized` can build a sibling."""
        self = super().__new__(cls)
        # Partial: a copy or unpickled cell is made without arguments and given them afterwards.
        bound = inspect.signature(cls).bind_partial(*args, **kwargs)
        object.__setattr__(self, "_constructed_with", bound)
        return self

    def __init__(self, input_size: int, output_size: int) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("output_size", output_size)):
            if size < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be at least 1, got {size}.")
        self.input_size = input_size
        self.output_size = output_size

    @abstractmethod
    def initial_state(self, batch_size: int) -> StateT:
        """Return the state before the first time step.

        Args:
            batch_size: rows of the batch.

        Returns:
            A NamedTuple of `[batch, ...]` tensors on the device and in the type of the weights.
        """

    @abstractmethod
    def project(self, inputs: Tensor) -> Any:
        """Do all the work that needs no state.

        Args:
            inputs: `[*time, batch, input]`: one time step, or a whole sequence at once.

        Returns:
            A tensor, or a NamedTuple of tensors, with the same leading axes.
        """

    @abstractmethod
    def step(self, projected: Any, state: StateT) -> tuple[Tensor, StateT]:
        """Advance one time step.

        Args:
            projected: what `project` returned for this time step, `[batch, ...]`.
            state: the state after the previous step; it is not changed.

        Returns:
            The output `[batch, output]` and the new state.
        """

    def resized(self, input_size: int) -> Self:
        """Build a fresh cell with the same settings for inputs of another size.

        Args:
            input_size: features of each input vector of the new cell.

        Returns:
            A newly initialised cell of the same class, device and type.

        Raises:
            ValueError: if the constructor takes no `input_size`.
        """
        arguments = dict(self._constructed_with.arguments)
        for name, value in arguments.items():
            if isinstance(value, Cell):
                arguments[name] = value.resized(input_size)
        if "input_size" in arguments:
            arguments["input_size"] = input_size
        fresh = inspect.BoundArguments(self._constructed_with.signature, arguments)
        cell = type(self)(*fresh.args, **fresh.kwargs)
        if cell.input_size != input_size:
            raise ValueError(
                f"{type(self).__name__} cannot be built for {input_size} inputs, as its "
                "constructor takes no input_size: override resized."
            )
        weight = next(self.parameters(), None)
        return cell if weight is None else cell.to(weight)


class LinearCell(Cell[StateT]):
    """A cell whose state obeys h_t = a_t * h_{t-1} + b_t with a, b free of the state.

    Such a recurrence can be run by a parallel scan, and its exact RTRL is cheap. The state is h
    alone: one part, or two, its real and imaginary parts, where a and b are complex.
    """

    @abstractmethod
    def coefficients(self, projected: Any) -> tuple[Tensor, Tensor]:
        """Return the factor and the addend of the recurrence.

        Args:
            projected: what `project` returned, `[*time, batch, ...]`.

        Returns:
            `a` and `b`, each `[*time, batch, hidden]`, complex if the state has two parts.
        """

    def read(self, projected: Any, state: StateT) -> Tensor:
        """Return the outputs that go with states, for one time step or many at once.

        Args:
            projected: what `project` returned, `[*time, batch, ...]`.
            state: the states after the steps; its parts are `[*time, batch, hidden]`.

        Returns:
            The outputs `[*time, batch, output]`: the first part of the state, unless the cell
            says otherwise.
        """
        return next(tensors(state))


class ReservoirCell(Cell[StateT]):
    """A cell whose weights stay as they were drawn; only a readout on its outputs is learnt."""

    rows: int | None = None
    """Rows that each batch must have, where the cell has settings of its own for each."""

    def leaky_units(self) -> "LeakyUnits | None":
        """Describe the step, if it is one of leaky units, so that the engine can do it faster.

        A class that overrides `step` alone is not taken for what this method describes.

        Returns:
            The units, whose one state `hidden` is also the output; nothing by default.
        """
        return None


class LeakyUnits(NamedTuple):
    r"""Units driven by what `project` returned and by a fixed recurrence.

    $$ h_t = (1 - \alpha) h_{t-1} + \alpha f(\rho W h_{t-1} + p_t) $$

    Attributes:
        recurrent_map: the product with $W$, a linear layer without bias or a `SparseMap`.
        squashed: whether $f$ is the hyperbolic tangent; otherwise it is the identity.
        leak: $\alpha$, a number or `[batch, 1]`.
        scale: $\rho$, a number or `[batch, 1]`.
        drive: how `project` made $p_t$, if that is known.
    """

    recurrent_map: nn.Module
    squashed: bool
    leak: float | Tensor
    scale: float | Tensor = 1.0
    drive: "Drive | None" = None


class Drive(NamedTuple):
    r"""What drives units: one linear layer on scaled inputs.

    $$ p_t = W_{in} (s \circ x_t) + \beta b $$

    Attributes:
        input_map: the layer, with $W_{in}$ and $b$.
        input_factor: $s$, a number or `[batch, input]`.
        bias_factor: $\beta$, a number or `[batch, 1]`.
    """

    input_map: nn.Linear
    input_factor: float | Tensor = 1.0
    bias_factor: float | Tensor = 1.0


class ClockedCell(Cell[StateT]):
    """A cell whose units stand in groups of one size, each of which changes when its clock ticks.

    The state has a part `clock`, `[batch, 1]`: for each row the number of the coming time step,
    counted from 0 and modulo the least common multiple of the periods. At a step whose number a
    group's period does not divide, the group keeps its values and need not be computed.
    """

    always_advance = ("clock",)

    periods: tuple[int, ...]
    """The period of each group, in the order in which the groups stand in `hidden`."""
