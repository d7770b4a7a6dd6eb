"""Whatever bytes a text file holds, a command answers with status 0, or 2 and one line."""

import io
from contextlib import redirect_stderr, redirect_stdout

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elman.cli.main import run

SHORT = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LINES = st.lists(st.text(alphabet="ab c\t\r\x85\u2028é😀", max_size=12), max_size=12)
CONTENTS = st.one_of(
    st.binary(max_size=60),
    LINES.map(lambda lines: "\n".join(lines).encode()),
    st.lists(
        st.sampled_from([b"the cat\n", b"a dog\r\n", b"\n", b" ", b"\xff", b"<unk> ", b"\x00"])
    ).map(b"".join),
    st.text(alphabet="ab\n", min_size=40, max_size=80).map(str.encode),
)


def call(*arguments: object) -> int:
    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        status = run([str(argument) for argument in arguments])
    lines = errors.getvalue().splitlines()
    assert (status, len(lines)) in ((0, 0), (2, 1)), (status, lines)
    assert status == 0 or output.getvalue() == "" or arguments[0] == "score"
    return status


@pytest.mark.parametrize("unit", ["char", "word", "bpe"])
@SHORT
@given(content=CONTENTS, model=st.sampled_from(["rnn", "ngram", "mlp"]), rows=st.integers(1, 3))
def test_train(tmp_path_factory, monkeypatch, unit, content, model, rows):
    monkeypatch.setattr("elman.cli.train._report", lambda *_: None)  # pictures take their time
    folder = tmp_path_factory.mktemp("any")
    (folder / "text").write_bytes(content)
    sizes = ["--hidden-size", 3, "--embedding-size", 2, "--unroll", 4, "--batch-size", rows]
    options = ["--model", model, "--unit", unit, "--epochs", 1, "--quiet", "--out", folder / "RUN"]
    status = call("train", "lm", folder / "text", *sizes, *options)
    assert (folder / "RUN").exists() == (status == 0)


@pytest.mark.parametrize("unit", ["char", "word"])
@SHORT
@given(content=CONTENTS)
def test_score_and_evaluate(tmp_path_factory, trained, unit, content):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)
    status = call("evaluate", trained / unit, path, "--json")
    assert call("score", trained / unit, "--file", path, "--json") == status
    assert call("score", trained / unit, "--file", path, "--tokens") == status
