"""Opening a saved run."""

from pathlib import Path
from typing import Any, Literal

import torch

from elman.config import from_mapping, values_of
from elman.errors import CheckpointError, ConfigError
from elman.tasks import find_task
from elman.training.run_folder import RunFolder


def load(path: str | Path, device: Literal["auto", "cpu", "cuda"] = "cpu") -> Any:
    """Open a run folder as its task, with the best weights.

    Nothing in the folder is executed.

    Args:
        path: the run folder.
        device: where the model computes; `auto` takes a GPU if there is one.

    Returns:
        The task, ready to evaluate, score, generate or predict.

    Raises:
        CheckpointError: if the folder is not a run, or a file in it is missing or damaged.
    """
    run = RunFolder(Path(path))
    settings = run.read_settings()
    try:
        task_class = find_task(str(settings.get("task")))
        kind = task_class.config_class
        config: Any = from_mapping(kind, values_of(kind, settings), str(run.config_file))
    except (CheckpointError, ConfigError) as error:
        raise CheckpointError(f"{run.config_file}: {error}") from None
    task = task_class.load(config, run.path)
    try:
        task.restore(run.read_weights())
    except CheckpointError as error:
        raise CheckpointError(f"{run.weights_file}: {error}") from None
    return task.to(find_device(device))


def find_device(name: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """Choose where to compute.

    Args:
        name: `auto` takes a GPU if there is one.

    Returns:
        The device.

    Raises:
        ConfigError: if a GPU is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError("--device cuda: no CUDA device was found; use --device cpu.")
    return torch.device("cuda" if name != "cpu" and available else "cpu")
