"""What hidden Markov models of tags have in common: a chain that answers as a network does."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from elman.nn.crf import Allowed, BestPaths, LinearChainCRF


class ChainTagger(ABC):
    """A chain of tags, each of which emits a word.

    Its logarithms are the scores of a conditional random field, which does the searching and
    summing, many sentences at a time.

    Args:
        start: log-probability of each tag as the first.
        transitions: log-probability of each tag after each.
        allowed: which tags may begin, follow and end; all if None.
    """

    def __init__(
        self,
        start: Float[np.ndarray, " tags"],
        transitions: Float[np.ndarray, "tags tags"],
        allowed: Allowed | None = None,
    ) -> None:
        self.chain = LinearChainCRF(len(start), allowed=allowed).double()
        with torch.no_grad():
            self.chain.start.copy_(torch.from_numpy(start))
            self.chain.forward_cell.transitions.copy_(torch.from_numpy(transitions))

    @abstractmethod
    def look_up(self, words: Sequence[str]) -> Float[Tensor, "words tags"]:
        """Return the log-probability of single words under each tag.

        Args:
            words: at least one.
        """

    def score(
        self, vectors: Float[Tensor, "time batch tags"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "time batch tags"]:
        """Return what was looked up, which is what the chain takes.

        Args:
            vectors: what `look_up` returned for the words of each sentence.
            lengths: words of each sentence.
        """
        return vectors

    def best_paths(
        self, scores: Float[Tensor, "time batch tags"], lengths: Int[Tensor, " batch"], count: int
    ) -> BestPaths:
        """Find the most probable sequences of tags; see `LinearChainCRF.best_paths`.

        Args:
            scores: of each word.
            lengths: words of each sentence.
            count: how many, at least 1.
        """
        return self.chain.best_paths(scores, lengths, count)

    def probabilities(
        self, scores: Float[Tensor, "time batch tags"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "time batch tags"]:
        """Return the probability of each tag of each word; see `LinearChainCRF.marginals`.

        Args:
            scores: of each word.
            lengths: words of each sentence.
        """
        return self.chain.marginals(scores, lengths)
