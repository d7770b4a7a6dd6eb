"""Whatever is wrong: one line on standard error, status 2, nothing half-made left behind."""

import gzip
import shlex
import sys

import pytest

BAD_FILES = {
    "empty": b"",
    "only a mark": b"\xef\xbb\xbf",
    "binary": bytes(range(256)) * 20,
    "latin1": "the café\n".encode("latin-1") * 50,
    "utf16": ("the cat\n" * 50).encode("utf-16"),
    "one line": b"the cat sat on the mat",
    "short": b"a\nb\n",
    "damaged.gz": gzip.compress(b"the cat\n" * 100)[:-20],
    "fake.gz": b"the cat\n" * 100,
}
UNSEEN = "the cat ß\nthe dog\n"

TRAIN = [
    ("empty --out RUN", "empty is empty"),
    ("'only a mark' --out RUN", "empty"),
    ("binary --out RUN", "byte 0 is zero"),
    ("latin1 --out RUN", "byte 7 (0xe9) is not valid UTF-8"),
    ("utf16 --out RUN", "byte 3 is zero: this is not UTF-8 text"),
    ("'one line' --out RUN", "single line"),
    ("'one line' --out RUN --unit word", "single line"),
    ("short --out RUN", "too few for 4 rows"),
    ("damaged.gz --out RUN", "damaged.gz: not a gzip file"),
    ("fake.gz --out RUN", "fake.gz: not a gzip file"),
    ("missing --out RUN", "missing: no such file"),
    (". --out RUN", "is a folder"),
    ("TEXT --out RUN --valid unseen", "unseen, line 1: not among the"),
    ("TEXT --out RUN --valid empty", "empty is empty"),
    ("TEXT --out RUN --valid missing", "missing: no such file"),
    ("TEXT --out RUN --vocabulary-size 999", "vocabulary_size 999"),
    ("TEXT --out RUN --vocabulary-size 999 --unit word", "vocabulary_size 999"),
    ("TEXT --out RUN --vocabulary-size 99999 --unit bpe", "vocabulary_size 99999"),
    ("TEXT --out RUN --hidden-size 0", "--hidden-size must be at least 1, got 0."),
    ("TEXT --out RUN --hidden-size x", "hidden-size"),
    ("TEXT --out RUN --dropout 1", "--dropout must be in [0, 1), got 1.0."),
    ("TEXT --out RUN --learning-rate nan", "--learning-rate must be above 0, got nan."),
    ("TEXT --out RUN --epochs 0", "--epochs must be at least 1, got 0."),
    ("TEXT --out RUN --seed -1", "--seed must be in"),
    ("TEXT --out RUN --seed 99999999999999999999999", "--seed must be in"),
    ("TEXT --out RUN --decay 2", "--decay must be at most 1"),
    ("TEXT --out RUN --cell lstmm", "unknown cell 'lstmm': known are"),
    ("TEXT --out RUN --cell nowhere:Cell", "cell 'nowhere:Cell' cannot be imported"),
    ("TEXT --out RUN --cell math:pi", "is not a class derived from elman.Cell"),
    ("TEXT --out RUN --bidirectional", "would see its answer"),
    ("TEXT --out RUN --stride 9 --horizon 8", "--stride 9 must not exceed --horizon 8"),
    ("TEXT --out RUN --tie --input one-hot", "--tie"),
    ("TEXT --out RUN --tie --softmax adaptive", "--tie"),
    ("TEXT --out RUN --residual --embedding-size 5", "--residual"),
    ("TEXT --out RUN --model transformer --heads 3", "--heads 3"),
    ("TEXT --out RUN --order 99 --model ngram", "--order must be in [1, 10], got 99."),
    ("TEXT --out RUN --device cuda", "no CUDA device was found"),
    ("TEXT --out RUN --device tpu", "device"),
    ("TEXT --out RUN --vectors missing --unit word", "missing"),
    ("TEXT --out RUN --vectors TEXT --unit word", "text.txt"),
    ("TEXT --out RUN --config nothing", "--config nothing: no such settings"),
    ("TEXT --out RUN --config nothing.toml", "nothing.toml: there is no such file"),
    ("TEXT --out RUN --config wrong.toml", "unknown setting 'hidden'"),
    ("TEXT --out RUN --config other.toml", "task 'tag', not 'lm'"),
    ("TEXT --out RUN --config", "config"),
    ("TEXT --out RUN --hiden-size 8", "hiden-size"),
    ("TEXT --out short", "short is not a folder"),
    ("TEXT --out .", "exists and is not a run folder"),
    ("TEXT --out short/RUN", "short"),
    ("TEXT", "--out is missing"),
    ("--out RUN", "no data given"),
]


@pytest.fixture
def folder(tmp_path, text):
    """A folder of bad files; TEXT in a command stands for a good one."""
    for name, content in BAD_FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "unseen").write_text(UNSEEN)
    (tmp_path / "wrong.toml").write_text("hidden = 5\n")
    (tmp_path / "other.toml").write_text('task = "tag"\n')
    return tmp_path


def words(command, text):
    return [str(text) if word == "TEXT" else word for word in shlex.split(command)]


def assert_refused(answer, part):
    assert answer.status == 2
    assert answer.output == ""
    assert answer.errors.endswith("\n")
    assert answer.errors.count("\n") == 1
    assert answer.errors.startswith("elman")
    assert part in answer.errors
    assert "Traceback" not in answer.errors


@pytest.mark.parametrize(("command", "part"), TRAIN, ids=[command for command, _ in TRAIN])
def test_training(elman, folder, text, tiny, command, part):
    before = sorted(folder.rglob("*"))
    given = words(command, text)
    kept = [] if "--epochs" in given else tiny
    assert_refused(elman("train", "lm", *kept, *given), part)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("sing", "unknown command 'sing': known are demo, prepare, train"),
        ("train sing x --out RUN", "unknown task 'sing': known are lm"),
        ("evaluate", "run"),
        ("evaluate NOWHERE TEXT", "NOWHERE is not a run folder: there is no such folder"),
        ("evaluate . TEXT", "is not a run folder: no config.toml in it"),
        ("evaluate RUN missing", "missing: no such file"),
        ("evaluate RUN empty", "empty is empty"),
        ("evaluate RUN unseen", "unseen, line 1: not among the"),
        ("evaluate RUN latin1", "latin1, line 1: byte 7 (0xe9) is not valid UTF-8"),
        ("evaluate RUN TEXT more", "more"),
        ("score RUN", "nothing to score"),
        ("score RUN ß", "'ß' (U+00DF)"),
        ("score RUN \udcff", "is not valid UTF-8"),
        ("score RUN --file missing", "missing: no such file"),
        ("score RUN --file empty", "empty is empty"),
        ("score RUN --file unseen", "'ß' (U+00DF)"),
        ("generate RUN --prompt ß", "'ß' (U+00DF)"),
        ("generate RUN --length 0", "--length must be at least 1, got 0."),
        ("generate RUN --temperature -1", "--temperature must be in [0, inf), got -1.0."),
        ("generate RUN --temperature inf", "--temperature must be in [0, inf), got inf."),
        ("generate RUN --top-k 0", "--top-k must be at least 1, got 0."),
        ("generate RUN --top-p 0", "--top-p must be above 0 and at most 1, got 0.0."),
        ("generate RUN --top-p nan", "--top-p must be above 0 and at most 1, got nan."),
        ("generate RUN --beam 2 --count 3", "--count 3 texts need at least --beam 3."),
        ("generate RUN --seed -1", "--seed must be in"),
        ("generate RUN --device cuda", "no CUDA device was found"),
        ("inspect NOWHERE", "NOWHERE is not a run folder"),
        ("inspect RUN missing", "missing: no such file"),
        ("inspect RUN --length 1", "--length must be at least 2, got 1."),
        ("compare", "name at least one run"),
        ("compare RUN", "name at least one run"),
        ("compare RUN NOWHERE TEXT", "NOWHERE is not a run folder"),
        ("compare RUN -", "give a file"),
        ("inspect RUN -", "give a file"),
        ("compare RUN missing", "missing: no such file"),
        ("compare RUN TEXT --seed -1", "--seed must be in"),
        ("cells --colour", "colour"),
        ("demo sing", "sing"),
    ],
)
def test_other_commands(elman, folder, text, run_folder, command, part):
    answer = elman(*words(command, text))
    errors = "".join(f"{line}\n" for line in answer.errors.splitlines() if "measuring" not in line)
    assert_refused(answer._replace(errors=errors), part)


def test_a_half_written_run_is_named(elman, run_folder):
    for path in sorted(run_folder.rglob("*"), reverse=True):
        if path.name != "config.toml":
            path.rmdir() if path.is_dir() else path.unlink()
    for command in ("evaluate RUN x", "score RUN x", "generate RUN", "inspect RUN"):
        assert_refused(elman(*command.split()), "RUN/tokenizer.json")


def test_a_run_of_another_training_is_refused(elman, text, tiny, trained, run_folder):
    again = ["train", "lm", text, "--unit", "char", "--out", run_folder, *tiny]
    assert_refused(elman(*again), "already holds this run: add --resume")
    assert_refused(elman(*again, "--hidden-size", "9"), "a different run (hidden_size is 8 there")
    assert_refused(elman(*again, "--hidden-size", "9", "--resume"), "a different run")


def test_a_missing_extra_is_named(elman, text, monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    answer = elman("train", "lm", text, "--out", "RUN", "--unit", "word", "--vectors", "word2vec")
    assert_refused(answer, "pip install 'elman[vectors]'")


def test_the_demonstration_without_its_data_is_named(elman, monkeypatch, tmp_path):
    monkeypatch.setattr("elman.demo.plays.find_spec", lambda name: None)
    monkeypatch.setattr("elman.demo.dictionary.find_spec", lambda name: None)
    for task in ("lm", "translate"):
        assert_refused(elman("demo", task), "pip install 'elman[samples]'")
    assert not (tmp_path / "runs").exists()
