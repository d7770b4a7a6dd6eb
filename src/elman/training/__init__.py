"""Training: joins a task, a learning rule and data; the run folder and its loading."""

from elman.training.load import find_device, load
from elman.training.options import TrainingOptions
from elman.training.run_folder import RunFolder
from elman.training.train import run_settings, train

__all__ = ["RunFolder", "TrainingOptions", "find_device", "load", "run_settings", "train"]
