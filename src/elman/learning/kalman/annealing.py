"""A number that moves geometrically from one value to another while updates pass."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Annealing:
    r"""A number that moves geometrically from its first to its last value, and stays there.

    $$ a_n = a_0 (a_N / a_0)^{\min(1, n / N)} $$

    Args:
        first: the value at the first update, above 0, or 0 with a last value of 0.
        last: the value from update N on, above 0, or 0 with a first value of 0.
        updates: N, at least 1.

    Raises:
        ValueError: if an argument lies outside its range.
    """

    first: float
    last: float
    updates: int

    def __post_init__(self) -> None:
        both_zero = self.first == self.last == 0
        if not (both_zero or (self.first > 0 and self.last > 0)) or self.updates < 1:
            raise ValueError(
                "Annealing expects two values above 0, or two zeros, over at least 1 update, "
                f"got {self.first} to {self.last} over {self.updates}."
            )

    def value(self, update: int) -> float:
        """Return the value at an update.

        Args:
            update: updates made before, from 0.

        Returns:
            A value between the first and the last.
        """
        if self.first == 0:
            return 0.0
        return self.first * (self.last / self.first) ** min(1.0, update / self.updates)


def annealing(value: float | Annealing) -> Annealing:
    """Return an annealing as it is, and a number as one that does not move.

    Args:
        value: either.
    """
    return value if isinstance(value, Annealing) else Annealing(value, value, 1)
