import math
import random
from pathlib import Path

import pytest

from elman.cli.main import run
from elman.config import from_mapping, read_toml, settings_file, shipped_names
from elman.errors import ConfigError
from elman.tasks import find_task
from elman.training import TrainingOptions, load

DRAW = random.Random(1)
WORDS = [f"w{number}" for number in range(40)]


def sentence():
    return " ".join(DRAW.choices(WORDS, k=8))


def tree():
    return f"({DRAW.randrange(5)} (2 {DRAW.choice(WORDS)}) (3 {DRAW.choice(WORDS)}))"


def tagged(column):
    """Two words in CoNLL columns, or in those of CoNLL-U."""
    words = [(DRAW.choice(WORDS), tag) for tag in DRAW.choices(["O", "B-X"], k=2)]
    if column is None:
        return "".join(f"{word} {tag}\n" for word, tag in words)
    fields = [[str(n), word, "_", tag, *"______"] for n, (word, tag) in enumerate(words, 1)]
    return "".join("\t".join(row) + "\n" for row in fields)


def make_line(task, values):
    """A line of a task's data, or as many as one item of it has."""
    if task == "classify":
        text = "0.1,0.2 0.3,0.4" if values.get("unit") == "number" else sentence()
        return f"{text}\t{DRAW.choice('ab')}"
    if task == "tag":
        return tagged(values.get("column"))
    if task == "translate":
        return f"{sentence()}\t{sentence()}"
    if task == "answer":
        return f"1 {sentence()}.\n2 {sentence()}?\t{DRAW.choice(('yes', 'no'))}"
    return tree() if task == "tree" else sentence()


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_settings_fit_their_dataclasses_and_explain_themselves(name):
    values = read_toml(settings_file(name))
    config_class = find_task(values.pop("task", "lm")).config_class
    of_model = {k: v for k, v in values.items() if k in config_class.__annotations__}
    of_training = {k: v for k, v in values.items() if k not in of_model}
    from_mapping(config_class, of_model, name)
    from_mapping(TrainingOptions, of_training, name)
    assert settings_file(name).read_text("utf-8").startswith("# ")


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_settings_train_a_step(tmp_path, name):
    values = read_toml(settings_file(name))
    task = values.get("task", "lm")
    data = tmp_path / "data.txt"
    data.write_text("".join(make_line(task, values) + "\n" for _ in range(40)))
    out = tmp_path / "run"
    small = ["--hidden-size", "8", "--embedding-size", "8", "--epochs", "1", "--quiet"]
    if "vocabulary_size" in values:
        small += ["--vocabulary-size", "270" if values.get("unit") == "bpe" else "40"]
    assert run(["train", task, str(data), "--config", name, "--out", str(out), *small]) == 0
    with load(out).reading(str(data)) as read:
        found = load(out).evaluate(read)
    key = {"tag": "accuracy", "translate": "word_error" if "source_unit" in values else "bleu"}
    assert math.isfinite(found[key.get(task, "loss")])


def test_a_path_is_taken_as_it_is_and_a_wrong_name_lists_the_right_ones():
    assert settings_file("some/where.toml") == Path("some/where.toml")
    with pytest.raises(ConfigError, match="demo-lm"):
        settings_file("demo-lmm")
