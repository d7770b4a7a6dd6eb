from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file, save_file

from elman.data import Tokenizer
from elman.errors import CheckpointError, ConfigError
from elman.tasks.language_model import LanguageModelConfig, LanguageModelTask
from elman.tasks.task import Sources
from elman.training import RunFolder, TrainingOptions, load, train

LINES = ["the cat sat", "on the mat", "a dog ran", "by the sea"]
KINDS = {
    "char": {},
    "word": {"unit": "word"},
    "bpe": {"unit": "bpe", "vocabulary_size": 260},
    "elman": {"cell": "elman", "num_layers": 2},
    "one-hot": {"input": "one-hot", "cell": "gru"},
    "tied": {"tie": True, "embedding_size": 12},
    "adaptive": {"unit": "word", "softmax": "adaptive"},
    "word2vec": {"unit": "word", "vectors": "word2vec"},
    "mlp": {"model": "mlp", "order": 6},
    "transformer": {"model": "transformer", "heads": 2, "hidden_size": 32, "memory": 24},
    "ngram": {"model": "ngram", "order": 6},
    "word ngram": {"model": "ngram", "unit": "word", "order": 3},
}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(("\n".join(LINES) + "\n") * 12)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_tiny_text_is_learnt_saved_and_loaded_with_the_same_numbers(tmp_path, text, kind):
    config = LanguageModelConfig(**{"hidden_size": 24, "embedding_size": 12, **KINDS[kind]})
    options = TrainingOptions(
        learn="tbptt",
        unroll=12,
        batch_size=4,
        epochs=14,
        learning_rate=5e-3 if config.model == "transformer" else 2e-2,
        warmup=0,
        schedule="constant",
    )
    sources = Sources((str(text),), str(text))
    trained = train("lm", config, options, sources, tmp_path / "run", quiet=True)
    with trained.reading(str(text)) as corpus:
        summary = trained.evaluate(corpus)
    assert summary["loss"] < 0.5  # guessing costs about 3 nats

    loaded = load(tmp_path / "run")
    assert loaded.config == config
    lines = [*LINES, "the sea", ""]
    assert loaded.score(lines) == trained.score(lines)
    assert loaded.generate("the ", length=30, seed=3) == trained.generate("the ", length=30, seed=3)
    with loaded.reading(str(text)) as corpus:
        assert loaded.evaluate(corpus) == summary
    # The measure that chose the weights is that of the saved weights.
    records = RunFolder(tmp_path / "run").read_metrics()
    best = min(record["loss"] for record in records if record["split"] == "valid")
    assert best < 0.6


def fresh(**settings):
    torch.manual_seed(1)
    tokenizer = Tokenizer.train(LINES, settings.get("unit", "char"))
    return LanguageModelTask.create(
        LanguageModelConfig(hidden_size=4, embedding_size=4, **settings), tokenizer
    )


def test_arrays_that_are_shared_are_saved_once(tmp_path):
    tied = fresh(tie=True)
    arrays = tied.arrays()
    places = [array.data_ptr() for array in arrays.values()]
    assert len(set(places)) == len(places)
    save_file({k: v.detach() for k, v in arrays.items()}, tmp_path / "a.safetensors")
    other = fresh(tie=True)
    other.model.embedding.weight.data.zero_()
    other.restore(load_file(tmp_path / "a.safetensors"))
    assert other.model.softmax.weight is other.model.embedding.weight
    assert torch.equal(other.model.softmax.weight, tied.model.softmax.weight)


def test_arrays_of_another_model_are_refused_by_name():
    arrays = fresh().arrays()
    with pytest.raises(CheckpointError, match="weights do not fit: the settings ask for"):
        fresh().restore({})
    with pytest.raises(CheckpointError, match="the settings do not know 'more'"):
        fresh().restore({**arrays, "more": torch.zeros(1)})
    name = next(iter(arrays))
    with pytest.raises(CheckpointError, match=rf"'{name}' is \[3\] in the file"):
        fresh().restore({**arrays, name: torch.zeros(3)})


def test_counts_of_another_vocabulary_are_refused(tmp_path, text):
    config = LanguageModelConfig(model="ngram", order=2)
    counted = train(
        "lm", config, TrainingOptions(), Sources((str(text),)), tmp_path / "run", quiet=True
    )
    other = LanguageModelTask.create(config, Tokenizer.train(["ab"], "char"))
    with pytest.raises(CheckpointError, match="the tokeniser has 3"):
        other.restore(counted.arrays())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bidirectional": True}, "elman train fill"),
        ({"tie": True, "input": "one-hot"}, "--tie"),
        ({"tie": True, "softmax": "adaptive"}, "--softmax full"),
        ({"vectors": "x", "input": "one-hot", "unit": "word"}, "--vectors"),
        ({"vectors": "x"}, "--unit word"),
        ({"residual": True, "embedding_size": 3}, "--embedding-size 3 must equal --hidden-size"),
        ({"model": "transformer", "hidden_size": 6}, "multiple of twice --heads 4"),
        ({"model": "mlp", "order": 1}, "--order must be at least 2"),
        ({"order": 11}, r"--order must be in \[1, 10\], got 11"),
        ({"hidden_size": 0}, "--hidden-size must be at least 1, got 0"),
        ({"dropout": 1.0}, r"--dropout must be in \[0, 1\), got 1.0"),
        (
            {"model": "transformer", "unit": "word", "vectors": "x", "hidden_size": 64},
            "--embedding-size 128 must equal --hidden-size 64",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        LanguageModelConfig(**settings)


def test_settings_that_contradict_the_text_are_refused():
    with pytest.raises(ConfigError, match="--residual"):
        fresh(input="one-hot", residual=True)
    tiny = Tokenizer.train([""], "char")
    with pytest.raises(ConfigError, match="--softmax adaptive"):
        LanguageModelTask.create(LanguageModelConfig(softmax="adaptive"), tiny)
    with pytest.raises(ConfigError, match="unknown cell 'lstmm'"):
        fresh(cell="lstmm")


def test_a_configuration_is_plain_values():
    values = asdict(LanguageModelConfig())
    assert LanguageModelConfig(**values) == LanguageModelConfig()
    assert all(isinstance(v, str | int | float | bool | None) for v in values.values())
