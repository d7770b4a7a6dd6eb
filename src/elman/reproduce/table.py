"""The experiments by name."""

from importlib import import_module

from elman.errors import ConfigError
from elman.reproduce.experiment import Experiment

EXPERIMENTS = {
    "clockwork-audio": "elman.reproduce.clockwork_audio",
    "adding": "elman.reproduce.adding",
    "adding-long": "elman.reproduce.adding:LONG_EXPERIMENT",
    "copy": "elman.reproduce.copying",
    "copy-long": "elman.reproduce.copying:LONG_EXPERIMENT",
    "reber": "elman.reproduce.reber",
    "counting": "elman.reproduce.counting",
    "rtrl-copy": "elman.reproduce.rtrl_copy",
    "sequential-digits": "elman.reproduce.sequential_digits",
    "vanishing-gradients": "elman.reproduce.vanishing_gradients",
    "error-surface": "elman.reproduce.error_surface",
    "mackey-glass-esn": "elman.reproduce.mackey_glass_esn",
    "mackey-glass-ekf": "elman.reproduce.mackey_glass_ekf",
    "memory-capacity": "elman.reproduce.memory_capacity",
    "narma10": "elman.reproduce.narma10",
    "trec": "elman.reproduce.trec",
}
"""Modules by the names the command line knows; each has an `EXPERIMENT`, or that of its NAME."""


def find_experiment(name: str) -> Experiment:
    """Find an experiment.

    Args:
        name: a key of `EXPERIMENTS`.

    Returns:
        The experiment.

    Raises:
        ConfigError: if there is no such experiment.
    """
    if name not in EXPERIMENTS:
        raise ConfigError(f"unknown experiment {name!r}: known are {', '.join(EXPERIMENTS)}.")
    return load_experiment(EXPERIMENTS[name])


def load_experiment(module: str) -> Experiment:
    """Import an experiment.

    Args:
        module: the full name of a module that has an `EXPERIMENT`, or `module:NAME`.

    Returns:
        The experiment.
    """
    name, _, attribute = module.partition(":")
    experiment: Experiment = getattr(import_module(name), attribute or "EXPERIMENT")
    return experiment
