import random
from pathlib import Path

import pytest
import torch

from elman.cli.main import run
from elman.config import from_mapping, read_toml, settings_file, shipped_names
from elman.errors import ConfigError
from elman.tasks.language_model import LanguageModelConfig
from elman.training import TrainingOptions, load


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_settings_fit_their_dataclasses_and_explain_themselves(name):
    values = read_toml(settings_file(name))
    of_model = {k: v for k, v in values.items() if k in LanguageModelConfig.__annotations__}
    of_training = {k: v for k, v in values.items() if k not in of_model}
    from_mapping(LanguageModelConfig, of_model, name)
    from_mapping(TrainingOptions, of_training, name)
    assert settings_file(name).read_text("utf-8").startswith("# ")


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_settings_train_a_step(tmp_path, name):
    draw = random.Random(1)
    words = [f"w{number}" for number in range(40)]
    text = tmp_path / "text.txt"
    text.write_text("\n".join(" ".join(draw.choices(words, k=8)) for _ in range(40)) + "\n")
    out = tmp_path / "run"
    size = read_toml(settings_file(name)).get("vocabulary_size")
    small = ["--hidden-size", "8", "--embedding-size", "8", "--epochs", "1", "--quiet"]
    small += ["--vocabulary-size", "40"] if size else []
    assert run(["train", "lm", str(text), "--config", name, "--out", str(out), *small]) == 0
    (score, _), *_ = load(out).score(["w1 w2"])
    assert -1000 < score["log_probability"] < 0
    assert torch.isfinite(torch.tensor(score["perplexity"]))


def test_a_path_is_taken_as_it_is_and_a_wrong_name_lists_the_right_ones():
    assert settings_file("some/where.toml") == Path("some/where.toml")
    with pytest.raises(ConfigError, match="demo-lm"):
        settings_file("demo-lmm")
