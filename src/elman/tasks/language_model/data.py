"""What a language model learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from elman.data import Batch, Corpus, LineBatches, StreamBatches, Tokenizer
from elman.metrics import perplexity
from elman.tasks.language_model.model import LanguageModel
from elman.tasks.task import Validation


@dataclass(frozen=True)
class LanguageModelData:
    """A training text and a held-out text, as batches.

    Args:
        train: the text to learn from.
        valid: the text to measure on.
        tokenizer: what both were tokenised with.
        batch_size: rows read side by side.
        unroll: steps of a batch of the carried stream.
        lines: learn each line from a fresh start instead of a carried stream.
        seed: of the order of lines.
    """

    train: Corpus
    valid: Corpus
    tokenizer: Tokenizer
    batch_size: int
    unroll: int
    lines: bool
    seed: int

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return the batches of an epoch; see `TrainingData.batches`."""
        if self.lines:
            tokens_per_batch = self.batch_size * self.unroll
            lines = LineBatches(
                self.train.tokens, self.tokenizer.boundary, tokens_per_batch, self.seed
            )
            return lines.batches(epoch)
        return StreamBatches(
            self.train.tokens, self.batch_size, self.unroll, self.tokenizer.boundary
        )

    def measures(self, loss: float) -> Mapping[str, float]:
        """Return the perplexity; see `TrainingData.measures`."""
        return {"perplexity": perplexity(loss)}

    def validate(self, model: LanguageModel, device: torch.device) -> Validation:
        """Measure a model on the held-out text, read in as many rows as in training.

        Args:
            model: the model.
            device: where it is.

        Returns:
            Nats per token, and the perplexity.
        """
        batch_size = min(self.batch_size, len(self.valid.tokens))
        state, total, count = model.initial_state(batch_size), 0.0, 0
        stream = StreamBatches(
            self.valid.tokens, batch_size, 4 * self.unroll, self.tokenizer.boundary
        )
        for batch in stream:
            with torch.inference_mode():
                log_probs, state = model.target_log_probs(
                    batch.inputs.to(device), batch.targets.to(device), state
                )
            total -= float(log_probs.double().sum())
            count += log_probs.numel()
        return Validation(total / count, self.measures(total / count))
