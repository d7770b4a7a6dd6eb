"""Published results: the paper's setting and number, and ours beside it."""

from elman.reproduce.experiment import Experiment, Row
from elman.reproduce.runner import Measured, run_seeds
from elman.reproduce.table import EXPERIMENTS, find_experiment

__all__ = ["EXPERIMENTS", "Experiment", "Measured", "Row", "find_experiment", "run_seeds"]
