"""Ranges of settings, declared beside their types and checked in one place."""

import dataclasses
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from elman.errors import ConfigError


class Range(NamedTuple):
    """The values a number may take.

    Args:
        low: lower bound.
        high: upper bound, or None for no bound.
        low_open: whether the lower bound itself is excluded.
        high_open: whether the upper bound itself is excluded.
    """

    low: float
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def contains(self, value: float) -> bool:
        """Tell whether a number lies in the range; not-a-number lies in none.

        Args:
            value: the number.
        """
        above = value > self.low if self.low_open else value >= self.low
        if self.high is None:
            return above
        return above and (value < self.high if self.high_open else value <= self.high)

    def __str__(self) -> str:
        if self.high is None:
            return f"{'above' if self.low_open else 'at least'} {self.low:g}"
        left, right = "[("[self.low_open], "])"[self.high_open]
        return f"in {left}{self.low:g}, {self.high:g}{right}"


Count = Annotated[int, Range(1)]
"""A whole number from 1."""
Natural = Annotated[int, Range(0)]
"""A whole number from 0."""
Positive = Annotated[float, Range(0, low_open=True)]
"""A number above 0."""
NonNegative = Annotated[float, Range(0)]
"""A number from 0."""
Rate = Annotated[float, Range(0, 1, high_open=True)]
"""A share from 0 to below 1."""
Seed = Annotated[int, Range(0, 2**32 - 1)]
"""A start of every random generator, those of the libraries used included."""


def check_ranges(settings: Any) -> None:
    """Check every number of a settings dataclass against its declared range.

    Args:
        settings: an instance of a dataclass whose fields may be annotated with a `Range`.

    Raises:
        ConfigError: naming the setting, what it may be, and what it is.
    """
    hints = get_type_hints(type(settings), include_extras=True)
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        allowed = _range_of(hints[field.name])
        if value is not None and allowed is not None and not allowed.contains(value):
            flag = field.name.replace("_", "-")
            raise ConfigError(f"--{flag} must be {allowed}, got {value}.")


def _range_of(hint: Any) -> Range | None:
    if get_origin(hint) is Annotated:
        return next((extra for extra in get_args(hint) if isinstance(extra, Range)), None)
    inner = (_range_of(argument) for argument in get_args(hint))
    return next((found for found in inner if found is not None), None)
