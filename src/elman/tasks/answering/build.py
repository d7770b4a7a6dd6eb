"""From settings to a network."""

from elman.tasks.answering.attention import AttentionNetwork
from elman.tasks.answering.config import AnsweringConfig
from elman.tasks.answering.network import AnsweringNetwork
from elman.tasks.answering.reader import ReadingNetwork
from elman.tasks.answering.vocabulary import Vocabulary


def build_network(config: AnsweringConfig, vocabulary: Vocabulary) -> AnsweringNetwork:
    """Make a network with fresh weights.

    Args:
        config: the settings.
        vocabulary: what it knows.

    Returns:
        The network.
    """
    if config.model == "rnn":
        return ReadingNetwork(config, vocabulary)
    return AttentionNetwork(config, vocabulary)
