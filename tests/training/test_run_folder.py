import contextlib
import errno
import resource
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elman.data import Tokenizer
from elman.errors import CheckpointError
from elman.tasks.language_model import LanguageModelConfig
from elman.training import RunFolder, TrainingOptions, load


@pytest.fixture(scope="module")
def finished():
    """The contents of a finished run's files, by name."""
    return {}


@pytest.fixture
def run(tmp_path, run_training, finished):
    """A finished run, trained once and copied for each test."""
    out = tmp_path / "run"
    if not finished:
        run_training(out, epochs=1)
        finished.update(
            {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        )
    for name, content in finished.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    return out


def test_config_holds_every_setting_and_repeats_them(run, text):
    values = tomllib.loads((run / "config.toml").read_text())
    config = LanguageModelConfig(hidden_size=8, embedding_size=6)
    assert values.pop("task") == "lm"
    assert values.pop("data") == [str(text)]
    expected = {k: v for k, v in asdict(config).items() if v is not None}
    assert {k: v for k, v in values.items() if k in expected} == expected
    options = {k: values[k] for k in values if k not in expected}
    assert options.keys() <= asdict(TrainingOptions()).keys()
    assert (options["seed"], options["epochs"], options["unroll"]) == (1, 1, 8)


def test_only_what_the_model_and_a_resumption_need_is_kept(run):
    names = {path.name.split(".")[0] for path in run.iterdir()}
    assert names == {"config", "model", "tokenizer", "metrics", "checkpoint", "events"}
    mode = (run / "config.toml").stat().st_mode
    assert (run / "model.safetensors").stat().st_mode == mode


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / "config.toml").unlink(), "is not a run folder: no config.toml in it"),
        (lambda run: (run / "config.toml").write_bytes(b"task = \xff"), "not a TOML file"),
        (lambda run: (run / "config.toml").write_text("a = = 1"), "not a TOML file"),
        (lambda run: (run / "config.toml").write_text("a = 1"), "unknown task"),
        (lambda run: change(run, 'task = "lm"', 'task = "sing"'), "unknown task 'sing'"),
        (lambda run: change(run, "hidden_size = 8", "hidden_size = 0"), "--hidden-size"),
        (lambda run: change(run, "hidden_size = 8", "hidden_size = 'x'"), "must be of type int"),
        (lambda run: change(run, "hidden_size = 8", "hidden_size = 9"), "weights do not fit"),
        (lambda run: change(run, "num_layers = 1", "num_layers = 2"), "weights do not fit"),
        (lambda run: change(run, 'model = "rnn"', 'model = "mlp"'), "weights do not fit"),
        (lambda run: change(run, 'model = "rnn"', 'model = "ngram"'), "model.safetensors"),
        (lambda run: (run / "tokenizer.json").unlink(), "tokenizer.json"),
        (lambda run: (run / "tokenizer.json").write_text("{}"), "tokenizer.json"),
        (lambda run: (run / "tokenizer.json").write_bytes(b"\xff"), "tokenizer.json"),
        (lambda run: truncate(run / "tokenizer.json"), "tokenizer.json"),
        (lambda run: (run / "model.safetensors").unlink(), "has not come to its first evaluation"),
        (lambda run: (run / "model.safetensors").write_bytes(b""), "model.safetensors is damaged"),
        (lambda run: truncate(run / "model.safetensors"), "model.safetensors is damaged"),
        (lambda run: (run / "model.safetensors").write_bytes(b"x" * 99), "is damaged"),
    ],
)
def test_a_damaged_run_is_named_in_one_line(run, damage, message):
    damage(run)
    with pytest.raises(CheckpointError) as caught:
        load(run)
    assert message in str(caught.value)
    assert str(run) in str(caught.value)
    assert "\n" not in str(caught.value)


def change(run: Path, old: str, new: str) -> None:
    content = (run / "config.toml").read_text()
    assert old in content
    (run / "config.toml").write_text(content.replace(old, new))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def test_a_tokeniser_of_another_run_does_not_fit(run):
    content = (run / "tokenizer.json").read_text()
    (run / "tokenizer.json").write_text(content.replace('"t": ', '"T": '))
    load(run)  # as many characters: nothing tells them apart
    Tokenizer.train(["other"], "char").save(run / "tokenizer.json")
    with pytest.raises(CheckpointError, match="weights do not fit"):
        load(run)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_happens_to_a_file_is_a_checkpoint_error_or_harmless(run, finished, data):
    name = data.draw(
        st.sampled_from(["config.toml", "tokenizer.json", "model.safetensors", "metrics.jsonl"])
    )
    content = bytearray(finished[Path(name)])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    (run / name).write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    with contextlib.suppress(CheckpointError):
        load(run)
        RunFolder(run).read_metrics()
    (run / name).write_bytes(finished[Path(name)])


def test_a_folder_that_is_not_a_run_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="there is no such folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"no config\.toml in it"):
        load(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointError, match="is not a run folder"):
        load(tmp_path / "file")


def test_training_leaves_a_folder_with_other_things_alone(tmp_path, run_training):
    (tmp_path / "mine.txt").write_text("x")
    (tmp_path / ".mine.part").write_text("x")
    with pytest.raises(CheckpointError, match="exists and is not a run folder"):
        run_training(tmp_path)
    with pytest.raises(CheckpointError, match="is not a folder"):
        run_training(tmp_path / "mine.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.part", "mine.txt"]


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04 nothing", None])
def test_a_damaged_checkpoint_is_named(run, run_training, content):
    state = run / "checkpoint/state.pt"
    state.write_bytes(state.read_bytes()[:-50] if content is None else content)
    (run / "corpus").mkdir()  # which a training that has not ended still has
    with pytest.raises(CheckpointError, match=r"state\.pt is damaged or of another training") as e:
        run_training(run, epochs=1, resume=True)
    assert "\n" not in str(e.value)


def test_a_checkpoint_of_another_model_is_named(run, run_training, tmp_path):
    run_training(tmp_path / "other", hidden_size=9, epochs=1)
    (run / "checkpoint/state.pt").write_bytes((tmp_path / "other/checkpoint/state.pt").read_bytes())
    (run / "corpus").mkdir()
    with pytest.raises(CheckpointError, match=r"state\.pt is damaged or of another training"):
        run_training(run, epochs=1, resume=True)


def test_a_checkpoint_cannot_run_code(run, run_training, tmp_path):
    class Attack:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    torch.save({"progress": Attack()}, run / "checkpoint/state.pt")
    (run / "corpus").mkdir()
    with pytest.raises(CheckpointError, match=r"state\.pt is damaged"):
        run_training(run, epochs=1, resume=True)
    assert not (tmp_path / "owned").exists()


def test_a_damaged_line_of_metrics_is_named(run):
    (run / "metrics.jsonl").write_text('{"step": 1}\n{"st')
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl is damaged"):
        RunFolder(run).read_metrics()


@contextlib.contextmanager
def small_files():
    """Limits the size of files, so that writing fails as on a full disk, deep inside.

    The limit holds for the test runner's own output too, so it must end with the block.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_disk_that_fills_up_leaves_the_old_weights(run):
    before = (run / "model.safetensors").read_bytes()
    with small_files(), pytest.raises(OSError, match="File too large") as caught:
        RunFolder(run).write_weights({"large": torch.zeros(100_000)})
    assert caught.value.errno == errno.EFBIG
    assert (run / "model.safetensors").read_bytes() == before
    assert not list(run.glob(".*.part"))


def test_a_disk_that_fills_up_while_training_leaves_the_last_checkpoint(
    tmp_path, run_training, monkeypatch
):
    run_training(tmp_path / "whole", hidden_size=40)
    keep = RunFolder.write_weights
    written = []
    full = contextlib.ExitStack()

    def write(self, arrays):
        keep(self, arrays)
        written.append(torch.load(self.checkpoint_file) if self.checkpoint_file.exists() else {})
        if len(written) == 2:
            full.enter_context(small_files())

    monkeypatch.setattr(RunFolder, "write_weights", write)
    with full, pytest.raises(OSError, match="File too large"):
        run_training(tmp_path / "run", hidden_size=40)
    state = torch.load(tmp_path / "run/checkpoint/state.pt")
    assert state["progress"] == written[1]["progress"]
    assert not list((tmp_path / "run").rglob(".*.part"))
