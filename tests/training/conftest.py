"""A tiny text, and trainings of a few steps on it."""

import pytest

from elman.tasks.language_model import LanguageModelConfig
from elman.tasks.task import Sources
from elman.training import TrainingOptions, train

TINY = {"hidden_size": 8, "embedding_size": 6}
SHORT = {"learn": "tbptt", "unroll": 8, "batch_size": 4, "epochs": 3, "warmup": 0}


@pytest.fixture
def run_training(text):
    """Trains into a folder; settings of the model and of the training by name."""

    def run(out, *, resume=False, valid=None, **settings):
        of_model = {k: v for k, v in settings.items() if k in LanguageModelConfig.__annotations__}
        of_training = {k: v for k, v in settings.items() if k not in of_model}
        return train(
            "lm",
            LanguageModelConfig(**{**TINY, **of_model}),
            TrainingOptions(**{**SHORT, **of_training}),
            Sources((str(text),), valid),
            out,
            resume=resume,
            quiet=True,
        )

    return run
