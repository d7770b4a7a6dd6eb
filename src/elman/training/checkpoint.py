"""Everything a training needs to go on exactly where it was."""

import io
import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from elman.errors import CheckpointError
from elman.files import written_atomically
from elman.learning import Learner, Schedule
from elman.state import rebuild, tensors


@dataclass
class Progress:
    """How far a training has come.

    Args:
        epoch: epochs completed.
        index: batches of the present epoch learnt.
        step: updates made in all.
        tokens: targets learnt from since the last line of metrics.
        loss_sum: their summed loss, nats.
        updates: updates made since the last line of metrics.
        sums: the sums of their further numbers, by name.
        best_rank: the least rank of a validation so far.
        epochs_since_best: epochs completed since then.
        seconds: time spent training.
        metrics_bytes: length of metrics.jsonl.
    """

    epoch: int = 0
    index: int = 0
    step: int = 0
    tokens: int = 0
    loss_sum: float = 0.0
    updates: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best_rank: float = float("inf")
    epochs_since_best: int = 0
    seconds: float = 0.0
    metrics_bytes: int = 0


def save_checkpoint(
    path: Path,
    progress: Progress,
    model: torch.nn.Module,
    learner: Learner,
    schedule: Schedule,
    carried: Any,
) -> None:
    """Write a checkpoint atomically.

    Args:
        path: the file; its folder is made.
        progress: how far the training has come.
        model: the model.
        learner: the learning rule.
        schedule: the learning-rate schedule.
        carried: the state the learner carries to the next batch.
    """
    path.parent.mkdir(exist_ok=True)
    contents = {
        "progress": asdict(progress),
        "model": model.state_dict(),
        "learner": learner.state_dict(),
        "schedule": schedule.state(),
        "carried": list(tensors(carried)),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    with written_atomically(path) as temporary:
        # Through memory, for torch reports a full disk as a wrong position in the file.
        buffer = io.BytesIO()
        torch.save(contents, buffer)
        temporary.write_bytes(buffer.getbuffer())


def load_checkpoint(
    path: Path,
    model: torch.nn.Module,
    learner: Learner,
    schedule: Schedule,
    carried_like: Any,
) -> tuple[Progress, Any]:
    """Put a training back where a checkpoint was written.

    Args:
        path: the file.
        model: takes the weights.
        learner: takes what it had gathered.
        schedule: takes its state.
        carried_like: a carried state of the right structure.

    Returns:
        How far the training had come, and the carried state.

    Raises:
        CheckpointError: if the file is damaged or of another training.
    """
    try:
        contents = torch.load(io.BytesIO(path.read_bytes()), weights_only=True, map_location="cpu")
        model.load_state_dict(contents["model"])
        learner.load_state_dict(contents["learner"])
        schedule.restore(contents["schedule"])
        device = next(model.parameters()).device
        carried = rebuild(carried_like, [part.to(device) for part in contents["carried"]])
        torch.set_rng_state(contents["random"])
        if contents["random_cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(contents["random_cuda"])
        return Progress(**contents["progress"]), carried
    except (
        RuntimeError,
        KeyError,
        ValueError,
        TypeError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{path} is damaged or of another training ({reason}): remove it to start again."
        ) from None
