"""Learning-rate schedules of language models, as factors of the learning rate."""

import math
from abc import ABC, abstractmethod
from typing import Literal

ScheduleName = Literal["constant", "cosine", "step", "plateau"]


class Schedule(ABC):
    """How the learning rate moves over a training.

    Args:
        warmup: first steps, over which the factor rises linearly from 0; from 0.
    """

    def __init__(self, warmup: int = 0) -> None:
        self.warmup = warmup

    def factor(self, step: int, epoch: int) -> float:
        """Return the factor of the learning rate.

        Args:
            step: steps taken since the training began, from 0.
            epoch: epochs completed, from 0.

        Returns:
            A number in [0, 1].
        """
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return rise * self.decay(step, epoch)

    @abstractmethod
    def decay(self, step: int, epoch: int) -> float:
        """Return the factor without the warm-up; arguments as in `factor`."""

    def observe(self, loss: float) -> None:  # noqa: B027 (only plateau halving listens)
        """Take note of a validation loss at the end of an epoch.

        Args:
            loss: nats a target.
        """

    def state(self) -> dict[str, float]:
        """Return the numbers that change while training, for a checkpoint."""
        return {}

    def restore(self, state: dict[str, float]) -> None:  # noqa: B027
        """Take back what `state` returned.

        Args:
            state: its numbers.
        """


class Constant(Schedule):
    """The same learning rate throughout."""

    def decay(self, step: int, epoch: int) -> float:
        """Return 1; see `Schedule.decay`."""
        return 1.0


class Cosine(Schedule):
    r"""Half a period of the cosine, from 1 down to a floor.

    $$ \eta_t = \eta_{min} + \tfrac12 (1 - \eta_{min}) (1 + \cos(\pi t / T)) $$

    Args:
        total: steps of the whole training, T.
        floor: the last factor, in [0, 1].
        warmup: as in `Schedule`.

    Reference:
        Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts.
    """

    def __init__(self, total: int, *, floor: float = 0.01, warmup: int = 0) -> None:
        super().__init__(warmup)
        self.total = total
        self.floor = floor

    def decay(self, step: int, epoch: int) -> float:
        """Return the cosine's value at a step; see `Schedule.decay`."""
        passed = min(1.0, step / self.total)
        return self.floor + 0.5 * (1 - self.floor) * (1 + math.cos(math.pi * passed))


class Stepwise(Schedule):
    """Full rate for some epochs, then smaller by a factor at each further epoch.

    Args:
        after: epochs at the full rate.
        rate: the factor, in (0, 1].
        warmup: as in `Schedule`.

    Reference:
        Zaremba, Sutskever & Vinyals 2014, "Recurrent neural network regularization", section 4.1.
    """

    def __init__(self, after: int, *, rate: float = 0.5, warmup: int = 0) -> None:
        super().__init__(warmup)
        self.after = after
        self.rate = rate

    def decay(self, step: int, epoch: int) -> float:
        """Return the factor of an epoch; see `Schedule.decay`."""
        return self.rate ** max(0, epoch + 1 - self.after)


class Plateau(Schedule):
    """Smaller by a factor whenever the validation loss stops falling.

    Args:
        rate: the factor, in (0, 1].
        warmup: as in `Schedule`.

    Reference:
        Mikolov et al. 2010, "Recurrent neural network based language model", section 2.
    """

    def __init__(self, *, rate: float = 0.5, warmup: int = 0) -> None:
        super().__init__(warmup)
        self.rate = rate
        self.best = math.inf
        self.present = 1.0

    def decay(self, step: int, epoch: int) -> float:
        """Return the present factor; see `Schedule.decay`."""
        return self.present

    def observe(self, loss: float) -> None:
        """Shrink the factor if the loss is no better than the best; see `Schedule.observe`."""
        if loss >= self.best:
            self.present *= self.rate
        self.best = min(self.best, loss)

    def state(self) -> dict[str, float]:
        """Return the best loss and the present factor."""
        return {"best": self.best, "present": self.present}

    def restore(self, state: dict[str, float]) -> None:
        """Take back the best loss and the present factor; see `Schedule.restore`."""
        self.best, self.present = state["best"], state["present"]
