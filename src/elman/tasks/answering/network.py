"""What every answering network does."""

from abc import abstractmethod

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from elman.tasks.answering.batches import Asked


class AnsweringNetwork(nn.Module):
    """Questions and their stories to scores of answers."""

    embedding: nn.Embedding
    """Vectors of the words."""

    @abstractmethod
    def answer(
        self, asked: Asked
    ) -> tuple[Float[Tensor, "batch answers"], Float[Tensor, "hops sentences batch"] | None]:
        """Answer questions.

        Args:
            asked: questions and their stories.

        Returns:
            Logits, and the share that each sentence has of each look at the story.
        """

    def initial_state(self, batch_size: int) -> tuple[()]:
        """Return nothing, for nothing is carried from batch to batch.

        Args:
            batch_size: questions of the batch.
        """
        return ()

    def forward(
        self, inputs: Asked, state: tuple[()] = ()
    ) -> tuple[Float[Tensor, "batch answers"], tuple[()]]:
        """Score the answers.

        Args:
            inputs: questions and their stories.
            state: nothing.

        Returns:
            Logits, and nothing.
        """
        return self.answer(inputs)[0], state

    def criterion(
        self,
        features: Float[Tensor, "batch answers"],
        targets: Int[Tensor, " batch"],
        lengths: None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy.

        Args:
            features: logits.
            targets: the numbers of the answers.
            lengths: nothing.

        Returns:
            Nats a question.
        """
        return F.cross_entropy(features, targets)
