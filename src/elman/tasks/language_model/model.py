"""What every language model answers, and the half that neural ones share."""

from abc import ABC, abstractmethod
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.decoding import StepFunction
from elman.engine import step_function
from elman.errors import ConfigError
from elman.nn import AdaptiveSoftmax, FullSoftmax
from elman.state import map_state


class LanguageModel(ABC):
    """A distribution over the next token, given the tokens before it.

    A state stands for the tokens read so far; the initial state for none. All models read the
    same streams: a boundary token first, then the text.
    """

    @abstractmethod
    def initial_state(self, batch_size: int) -> Any:
        """Return the state before anything is read.

        Args:
            batch_size: rows of the batch.

        Returns:
            A state of `elman.state`.
        """

    @abstractmethod
    def target_log_probs(
        self, inputs: Int[Tensor, "time batch"], targets: Int[Tensor, "time batch"], state: Any
    ) -> tuple[Float[Tensor, "time batch"], Any]:
        """Return the log-probability of each target after its input and all before it.

        Args:
            inputs: tokens read.
            targets: tokens to score, usually the inputs one step later.
            state: the tokens read before.

        Returns:
            Log-probabilities in nats and the state after the inputs.
        """

    @abstractmethod
    def step(
        self, tokens: Int[Tensor, " batch"], state: Any
    ) -> tuple[Float[Tensor, "batch vocab"], Any]:
        """Read one token of each row and return the distribution of the next: a `StepFunction`.

        Args:
            tokens: the tokens to read.
            state: the tokens read before.

        Returns:
            Log-probabilities in nats and the new state.
        """

    def stream(self) -> StepFunction[Any]:
        """Return `step` prepared for many calls with the weights as they are.

        Returns:
            A function that gives the same numbers as `step`.
        """
        return self.step


class Network(Protocol):
    """What a neural language model needs of the network between tokens and output layer."""

    embedding: nn.Module
    output_size: int

    def initial_state(self, batch_size: int) -> Any:
        """Return the state before anything is read.

        Args:
            batch_size: rows of the batch.
        """

    def __call__(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read `[time, batch]` tokens; return `[time, batch, output]` features and the state."""

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one token of each row; return `[batch, output]` features and the state.

        Args:
            tokens: the tokens to read.
            state: the tokens read before.
        """

    def token_rows(self) -> Any | None:
        """Return what `advance` reads of each token, a structure of `[vocab, ...]` tensors.

        None if there is nothing that could be made once for all steps of a stream.
        """

    def advance(self, rows: Any, state: Any) -> tuple[Tensor, Any]:
        """Do what `step` does, from rows of tokens; only where `token_rows` returns some.

        Args:
            rows: the rows of one token each, picked from those of `token_rows`.
            state: the tokens read before.
        """


class NeuralLanguageModel(nn.Module, LanguageModel):
    """A network that reads tokens, and a softmax over the vocabulary.

    Args:
        network: reads tokens into features.
        output_map: maps features to the width of the softmax; None if they have it.
        softmax: the output layer.
    """

    def __init__(
        self,
        network: nn.Module,
        output_map: nn.Module | None,
        softmax: FullSoftmax | AdaptiveSoftmax,
    ) -> None:
        super().__init__()
        self.network: Any = network
        self.output_map = output_map
        self.softmax = softmax

    @property
    def embedding(self) -> nn.Module:
        """What turns tokens into vectors."""
        return self.network.embedding

    def initial_state(self, batch_size: int) -> Any:
        """Return the network's initial state; see `LanguageModel.initial_state`."""
        return self.network.initial_state(batch_size)

    def forward(
        self, inputs: Int[Tensor, "time batch"], state: Any
    ) -> tuple[Float[Tensor, "time batch output"], Any]:
        """Read tokens into features.

        Args:
            inputs: tokens.
            state: the tokens read before.

        Returns:
            The features each next token is predicted from, and the state after the inputs.
        """
        features, state = self.network(inputs, state)
        return self._mapped(features), state

    def criterion(
        self,
        features: Float[Tensor, "time batch output"],
        targets: Int[Tensor, "time batch"],
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean negative log-likelihood of the targets.

        Args:
            features: what `forward` returned.
            targets: the tokens that came next.
            lengths: valid steps of each row; all of them if not given.

        Returns:
            Nats per target.
        """
        mask = None
        if lengths is not None:
            mask = torch.arange(len(targets), device=targets.device).unsqueeze(1) < lengths
        return self.softmax.loss(features, targets, mask)

    def errors(
        self,
        features: Float[Tensor, "time batch output"],
        targets: Int[Tensor, "time batch"],
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "time batch vocab"]:
        """Return one for the target, else zero, less the probabilities of all tokens.

        Args:
            features: what `forward` returned.
            targets: the tokens that came next.
            lengths: valid steps of each row; all of them if not given.

        Returns:
            One error a token of the vocabulary, zero beyond a row's length.

        Raises:
            ConfigError: if the softmax is adaptive.
        """
        if not isinstance(self.softmax, FullSoftmax):
            raise ConfigError(
                "rules that learn from the error of every token need --softmax full: an adaptive "
                "softmax does not compute them all."
            )
        probabilities = self.softmax.log_probs(features).exp()
        errors = nn.functional.one_hot(targets, probabilities.shape[-1]) - probabilities
        if lengths is None:
            return errors
        counted = torch.arange(len(targets), device=targets.device).unsqueeze(1) < lengths
        return torch.where(counted.unsqueeze(-1), errors, 0.0)

    def target_log_probs(
        self, inputs: Int[Tensor, "time batch"], targets: Int[Tensor, "time batch"], state: Any
    ) -> tuple[Float[Tensor, "time batch"], Any]:
        """Score targets; see `LanguageModel.target_log_probs`."""
        features, state = self(inputs, state)
        return self.softmax.target_log_probs(features, targets), state

    def step(
        self, tokens: Int[Tensor, " batch"], state: Any
    ) -> tuple[Float[Tensor, "batch vocab"], Any]:
        """Read one token of each row; see `LanguageModel.step`."""
        features, state = self.network.step(tokens, state)
        return self.softmax.log_probs(self._mapped(features)), state

    def stream(self) -> StepFunction[Any]:
        """Return a step for many calls; see `LanguageModel.stream`."""
        table = self.network.token_rows()
        if table is None:
            return self.step
        example = map_state(lambda part: part[:1], table)
        advance = step_function(_advance, self, example, self.initial_state(1))

        def step(
            tokens: Int[Tensor, " batch"], state: Any
        ) -> tuple[Float[Tensor, "batch vocab"], Any]:
            return advance(map_state(lambda part: part.index_select(0, tokens), table), state)

        return step

    def _mapped(self, features: Float[Tensor, "*batch output"]) -> Float[Tensor, "*batch width"]:
        return features if self.output_map is None else self.output_map(features)


def _advance(model: NeuralLanguageModel, rows: Any, state: Any) -> tuple[Tensor, Any]:
    """Take a step from rows of tokens to log-probabilities."""
    features, state = model.network.advance(rows, state)
    return model.softmax.log_probs(model._mapped(features)), state
