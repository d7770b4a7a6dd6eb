"""The one thing a search needs of a model: what comes next, given a token and a state."""

from typing import Protocol, TypeVar, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

State = TypeVar("State")


@runtime_checkable
class StepFunction(Protocol[State]):
    """One step of a model that predicts token after token.

    A function, a bound method or a module with this call signature is a step function; nothing
    need be inherited. The state is any structure that `elman.state` can reorder.
    """

    def __call__(
        self, tokens: Int[Tensor, " batch"], state: State, /
    ) -> tuple[Float[Tensor, "batch vocab"], State]:
        """Read one token a row and predict the next.

        Args:
            tokens: the token just read by each row, [batch].
            state: what the model remembers of everything before, first axis batch.

        Returns:
            log_probs: log-probabilities of the next token in nats, at most 0, [batch, vocab].
            state: the state after `tokens`; the given one is left as it was.
        """
        ...
