"""From settings to a language model with fresh weights."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

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
    output_map = None
    width = network.output_size
    if config.tie and width != embedding.embedding_dim:
        output_map = nn.Linear(width, embedding.embedding_dim)
        width = embedding.embedding_dim
    softmax: FullSoftmax | AdaptiveSoftmax
    if config.softmax == "adaptive":
        if vocabulary_size < 3:
            raise ConfigError(
                f"--softmax adaptive needs at least 3 tokens, the text has {vocabulary_size}: "
                "use --softmax full."
            )
        softmax = AdaptiveSoftmax(width, vocabulary_size)
    else:
        softmax = FullSoftmax(width, vocabulary_size, weight=weight)
    model = NeuralLanguageModel(network, output_map, softmax)
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
