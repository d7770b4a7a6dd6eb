"""A language model's say in the choice of translations, as options."""

from dataclasses import dataclass
from typing import Any, Literal

from elman.cli.common import load_language_model
from elman.config import NonNegative, check_ranges
from elman.errors import ConfigError

WEIGHT = 0.1
"""Weight of the log-probability of a language model, if none is given."""


@dataclass(frozen=True)
class RescoringOptions:
    """A language model's say in the choice of translations."""

    rescore: str | None = None
    """translate: a run of a language model that ranks the translations found once more"""
    rescore_weight: NonNegative | None = None
    """translate: weight of its log-probability beside that of the translation; 0.1 if not given"""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.rescore is None and self.rescore_weight is not None:
            raise ConfigError(
                "--rescore-weight weighs a language model: name its run by --rescore."
            )


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

    weight = WEIGHT if options.rescore_weight is None else options.rescore_weight
    return Rescoring(load_language_model(options.rescore, device), weight)
