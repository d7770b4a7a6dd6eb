"""From settings to a language model with fresh weights."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.decoding import StepFunction
from elman.errors import ConfigError
from elman.nn import AdaptiveSoftmax, FullSoftmax
from elman.tasks.language_model.config import LanguageModelConfig
from elman.tasks.language_model.feed_forward import FeedForwardNetwork
from elman.tasks.language_model.model import NeuralLanguageModel
from elman.tasks.language_model.recurrent import RecurrentNetwork
from elman.tasks.language_model.transformer import TransformerNetwork


def build_model(
    config: LanguageModelConfig,
    vocabulary_size: int,
    boundary: int,
    vectors: Float[Tensor, "vocab embed"] | None = None,
) -> NeuralLanguageModel:
    """Build a neural language model.

    Args:
        config: the settings, of any model but `ngram`.
        vocabulary_size: tokens of the tokeniser.
        boundary: the token fed before a text.
        vectors: start of the learned vectors.

    Returns:
        The model, its weights drawn from torch's generator.

    Raises:
        ConfigError: if the cell is unknown, or settings do not fit the vocabulary.
    """
    network = _build_network(config, vocabulary_size, boundary)
    embedding = network.embedding
    weight = embedding.weight if config.tie else None
    if config.tie and network.output_size != embedding.embedding_dim:
        network = Narrowed(network, embedding.embedding_dim)
    softmax: FullSoftmax | AdaptiveSoftmax
    if config.softmax == "adaptive":
        if vocabulary_size < 3:
            raise ConfigError(
                f"--softmax adaptive needs at least 3 tokens, the text has {vocabulary_size}: "
                "use --softmax full."
            )
        softmax = AdaptiveSoftmax(network.output_size, vocabulary_size)
    else:
        softmax = FullSoftmax(network.output_size, vocabulary_size, weight=weight)
    model = NeuralLanguageModel(network, softmax)
    if config.initial_range is not None:
        for parameter in model.parameters():
            nn.init.uniform_(parameter, -config.initial_range, config.initial_range)
    if vectors is not None:
        embedding.weight.data.copy_(vectors)
    return model


def _build_network(config: LanguageModelConfig, vocabulary_size: int, boundary: int) -> Any:
    if config.model == "mlp":
        return FeedForwardNetwork(config, vocabulary_size, boundary)
    if config.model == "transformer":
        return TransformerNetwork(config, vocabulary_size)
    if config.residual and config.input_size(vocabulary_size) != config.hidden_size:
        raise ConfigError(
            f"--residual adds inputs to outputs: with --input one-hot the {vocabulary_size} tokens "
            f"must equal --hidden-size {config.hidden_size}."
        )
    return RecurrentNetwork(config, vocabulary_size)


class Narrowed(nn.Module):
    """A network whose features are mapped to another width, that of tied token vectors.

    Args:
        network: the network.
        output_size: the width wanted.
    """

    def __init__(self, network: Any, output_size: int) -> None:
        super().__init__()
        self.network = network
        self.output_map = nn.Linear(network.output_size, output_size)
        self.output_size = output_size

    @property
    def embedding(self) -> nn.Module:
        """What turns tokens into vectors."""
        return self.network.embedding

    def initial_state(self, batch_size: int) -> Any:
        """Return the network's initial state; see `Network.initial_state`."""
        return self.network.initial_state(batch_size)

    def forward(
        self, tokens: Int[Tensor, "time batch"], state: Any
    ) -> tuple[Float[Tensor, "time batch output"], Any]:
        """Read tokens; see `Network`."""
        features, state = self.network(tokens, state)
        return self.output_map(features), state

    def step(
        self, tokens: Int[Tensor, " batch"], state: Any
    ) -> tuple[Float[Tensor, "batch output"], Any]:
        """Read one token of each row; see `Network`."""
        features, state = self.network.step(tokens, state)
        return self.output_map(features), state

    def stream(self) -> StepFunction[Any]:
        """Return a step for many calls; see `Network`."""
        read = self.network.stream()

        def step(
            tokens: Int[Tensor, " batch"], state: Any
        ) -> tuple[Float[Tensor, "batch output"], Any]:
            features, state = read(tokens, state)
            return self.output_map(features), state

        return step
