"""The contract of a task: what it is trained on, and what a run folder keeps of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.engine import freeze
from elman.errors import CheckpointError, ConfigError


class Sources(NamedTuple):
    """The raw data a person names.

    Args:
        train: files to learn from.
        valid: file to measure on; the last tenth of the others if None.
        target: file whose lines answer those of the one to learn from, if they stand apart.
        valid_target: the same of the file to measure on.
    """

    train: tuple[str, ...]
    valid: str | None = None
    target: str | None = None
    valid_target: str | None = None


class Batching(NamedTuple):
    """How raw data becomes batches.

    Args:
        batch_size: rows.
        unroll: steps of a batch of a carried stream.
        carried: read the data as streams whose state is carried from batch to batch; else
            every sequence starts afresh.
        seed: of the order of sequences.
    """

    batch_size: int
    unroll: int
    carried: bool
    seed: int


class TrainingBatch(Protocol):
    """What the training loop needs to know of a batch."""

    @property
    def target_count(self) -> int:
        """Targets to learn from."""

    def to(self, device: torch.device) -> Self:
        """Return the same batch on a device.

        Args:
            device: where to.
        """


class Validation(NamedTuple):
    """What a held-out part says of a model.

    Args:
        loss: nats a target.
        measures: further numbers by name, to be shown and recorded.
        rank: what the weights to be kept have the least of; the loss if None.
    """

    loss: float
    measures: Mapping[str, float]
    rank: float | None = None


class TrainingData(Protocol):
    """Batches to learn from, and a held-out part to measure on."""

    @property
    def batch_size(self) -> int:
        """Rows of each batch."""

    def batches(self, epoch: int) -> Sequence[TrainingBatch]:
        """Return the batches of an epoch; each is made when it is asked for.

        Args:
            epoch: epochs completed, from 0.
        """

    def validate(self, model: Any, device: torch.device) -> Validation:
        """Measure a model on the held-out part.

        Args:
            model: the model to measure.
            device: where it is.
        """

    def measures(self, loss: float) -> Mapping[str, float]:
        """Return what else a mean loss says, by name, such as a perplexity.

        Args:
            loss: nats a target.
        """


class Finding(NamedTuple):
    """Something seen inside a model: a picture, rows of a table, or both.

    Args:
        name: what it is.
        picture: the file of the picture.
        rows: values by name, the same names in each row.
    """

    name: str
    picture: Path | None = None
    rows: Sequence[Mapping[str, Any]] = ()


class WordVectors(NamedTuple):
    """Words and their vectors.

    Args:
        words: the words.
        vectors: of each of them.
    """

    words: Sequence[str]
    vectors: Float[Tensor, "words embed"]


class Task(ABC):
    """A model with what it needs to read raw input and to write answers.

    Args:
        config: the task's settings.
    """

    kind: ClassVar[str]
    """The task's name at the command line."""
    config_class: ClassVar[type]
    """The dataclass of its settings."""

    config: Any
    model: Any

    def __init__(self, config: Any) -> None:
        self.config = config
        self.device = torch.device("cpu")

    @classmethod
    @abstractmethod
    def prepare(
        cls, config: Any, folder: Path, sources: Sources, batching: Batching
    ) -> tuple[Self, TrainingData]:
        """Read raw data and make a task with fresh weights for it.

        Args:
            config: the settings.
            folder: the run folder; large prepared data is kept in its `corpus/`.
            sources: the raw data.
            batching: how it becomes batches.

        Returns:
            The task and its data.

        Raises:
            DataError: if the data cannot be used.
            ConfigError: if the settings do not fit it.
        """

    @property
    def is_counted(self) -> bool:
        """Whether the model is counted by `fit` in one pass instead of trained by gradients."""
        return False

    @classmethod
    @abstractmethod
    def load(cls, config: Any, folder: Path) -> Self:
        """Rebuild a task from what `save` left in a run folder, its weights still fresh.

        Args:
            config: the settings.
            folder: the run folder.

        Returns:
            The task.

        Raises:
            CheckpointError: if a file is missing or damaged.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what is needed to read and write raw data, all but the weights.

        Args:
            folder: the run folder.
        """

    def arrays(self) -> dict[str, Tensor]:
        """Return what was learnt, by name; tensors shared under several names come once."""
        module: nn.Module = self.model
        return {**dict(module.named_parameters()), **dict(module.named_buffers())}

    def fit(self, data: Any, say: Callable[[str], None]) -> None:
        """Count the training data, for models that are counted.

        Args:
            data: what `prepare` returned.
            say: takes a line whenever a part of work that takes long is done.
        """
        raise NotImplementedError

    def predict(self, inputs: Iterable[str], where: str) -> Iterator[Mapping[str, Any]]:
        """Answer raw inputs, reading no further ahead than it takes to answer some at once.

        Args:
            inputs: the inputs; empty ones are passed over.
            where: what an input's number, from 1, comes after in messages.

        Yields:
            For each input `input`, `output`, and what the task adds.

        Raises:
            ConfigError: if there is nothing that this task predicts.
            DataError: if an input cannot be read; names its number.
        """
        raise ConfigError(f"task {self.kind!r} has nothing to predict: see elman --help.")

    def show(self, answer: Mapping[str, Any]) -> str:
        """Write an answer for people to read.

        Args:
            answer: what `predict` yielded.

        Returns:
            One line or several, without the last line end.
        """
        return f"{answer['output']}\t{answer['input']}"

    def look_inside(self, file: str, folder: Path) -> Iterator[Finding]:
        """Look at what the model does on a file.

        Args:
            file: a file of the kind the task was trained on.
            folder: where pictures are written.

        Yields:
            What was found, each when it is made.

        Raises:
            DataError: if the file cannot be used.
        """
        yield from ()

    def word_vectors(self) -> WordVectors:
        """Return what the model knows of words.

        Raises:
            ConfigError: if it knows none.
        """
        raise ConfigError(f"this {self.kind} run has no vectors of words.")

    def to(self, device: torch.device) -> Self:
        """Move the model, ready to answer with the weights that it has.

        Args:
            device: where to; counts stay on the CPU.

        Returns:
            The task itself.
        """
        if isinstance(self.model, nn.Module):
            freeze(self.model.to(device))
            self.device = device
        return self

    def restore(self, arrays: Mapping[str, Tensor]) -> None:
        """Take back what `arrays` returned.

        Args:
            arrays: tensors by name.

        Raises:
            CheckpointError: if names or shapes do not fit the settings.
        """
        own = Task.arrays(self)
        for name in own.keys() ^ arrays.keys():
            whose = "the settings ask for" if name in own else "the settings do not know"
            raise CheckpointError(f"weights do not fit: {whose} {name!r}.")
        for name, tensor in own.items():
            if tensor.shape != arrays[name].shape:
                raise CheckpointError(
                    f"weights do not fit: {name!r} is {list(arrays[name].shape)} in the file, "
                    f"{list(tensor.shape)} by the settings."
                )
            with torch.no_grad():
                tensor.copy_(arrays[name])
