"""A language model's say in the choice of translations, as options."""

from dataclasses import dataclass
from typing import Any, Literal

from elman.cli.common import load_language_model
from elman.config import NonNegative, check_ranges


@dataclass(frozen=True)
class RescoringOptions:
    """A language model's say in the choice of translations."""

    rescore: str | None = None
    """translate: a run of a language model that ranks the translations found once more"""
    rescore_weight: NonNegative = 0.1
    """translate: weight of its log-probability beside that of the translation"""

    def __post_init__(self) -> None:
        check_ranges(self)


def language_model_of(options: RescoringOptions, device: Literal["auto", "cpu", "cuda"]) -> Any:
    """Load the language model that is to have a say.

    Args:
        options: its run and weight.
        device: where to compute.

    Returns:
        What ranks translations again; None if no run is named.

    Raises:
        CheckpointError: if the folder is not a run or is damaged.
        ConfigError: if it is a run of another task.
    """
    if options.rescore is None:
        return None
    from elman.tasks.translation.rescoring import Rescoring

    return Rescoring(load_language_model(options.rescore, device), options.rescore_weight)
