"""One recurrent network over the words of a story and of its question."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cells import find_cell
from elman.nn import RNN
from elman.nn.pooling import last_outputs
from elman.tasks.answering.batches import Asked
from elman.tasks.answering.config import AnsweringConfig
from elman.tasks.answering.network import AnsweringNetwork
from elman.tasks.answering.vocabulary import FIRST, PADDING, UNKNOWN, Vocabulary


class ReadingNetwork(AnsweringNetwork):
    r"""Recurrent layers over the words of the story and then of the question.

    $$ P(a) = \mathrm{softmax}(W h_T + b) $$

    Args:
        config: the settings.
        vocabulary: what it knows.

    Reference:
        Weston et al. 2015, "Towards AI-complete question answering: a set of prerequisite toy
        tasks", section 5, LSTM.
    """

    def __init__(self, config: AnsweringConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        words = FIRST + len(vocabulary.words)
        self.embedding = nn.Embedding(words, config.embedding_size, padding_idx=PADDING)
        nn.init.zeros_(self.embedding.weight[UNKNOWN])  # it is never learnt
        self.rnn = RNN(
            find_cell(config.cell)(config.embedding_size, config.hidden_size),
            num_layers=config.num_layers,
            dropout=config.dropout,
        )
        self.output_map = nn.Linear(self.rnn.output_size, len(vocabulary.answers))
        self.dropout = config.dropout

    def answer(self, asked: Asked) -> tuple[Float[Tensor, "batch answers"], None]:
        """Answer questions; see `AnsweringNetwork.answer`."""
        words = join_words(asked)
        vectors = F.dropout(self.embedding(words), self.dropout, self.training)
        lengths = (words != PADDING).sum(dim=0)
        outputs, _ = self.rnn(vectors, lengths=lengths)
        last = last_outputs(outputs, lengths, bidirectional=False)
        return self.output_map(F.dropout(last, self.dropout, self.training)), None


def join_words(asked: Asked) -> Int[Tensor, "time batch"]:
    """Put the words of a story and of its question in one row, padding at the end.

    Args:
        asked: questions and their stories.

    Returns:
        Numbers of the words.
    """
    story = asked.sentences.transpose(0, 1).flatten(1)
    words = torch.cat([story, asked.questions.T], dim=1)
    padding = words == PADDING
    order = padding.to(torch.uint8).argsort(dim=1, stable=True)
    longest = int((~padding).sum(dim=1).max())
    return words.gather(1, order)[:, :longest].T
