import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import Corpus, Tokenizer, corpus, read_lines
from elman.data.tokenise import plan
from elman.errors import DataError

DATA = Path(os.environ.get("ELMAN_DATA", Path(__file__).parents[2] / "../shared/data"))
UNITS = ["char", "word", "bpe"]
TEXTS = [
    "the cat\n\nsat \u00e9\n",
    "on the mat",
    "the \U0001f600 end\r\nof\n",
]
TOKENIZERS = {unit: Tokenizer.train("\n".join(TEXTS).split("\n"), unit) for unit in UNITS}


def write_sources(folder, texts):
    folder.mkdir(exist_ok=True)
    paths = []
    for place, text in enumerate(texts):
        packed = place == 1
        path = folder / f"{place}.txt{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
        paths.append(path)
    return paths


def joined(texts):
    """The text of several sources: line ends as newlines, and one between sources."""
    parts = [text.replace("\r\n", "\n") for text in texts]
    return "".join(p if p.endswith("\n") else p + "\n" for p in parts[:-1]) + parts[-1]


def contents(stem):
    return [Path(f"{stem}.{ending}").read_bytes() for ending in ("bin", "lines", "json")]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("texts", [TEXTS, TEXTS[:2], TEXTS[1:2], ["\n"], ["cat"]])
def test_a_corpus_is_the_encoded_text(tmp_path, unit, texts):
    tokenizer = TOKENIZERS[unit]
    built = Corpus.build(write_sources(tmp_path / "in", texts), tokenizer, tmp_path / "out" / "c")
    text = joined(texts)
    closing = unit == "word" and not text.endswith("\n")
    assert built.tokens.tolist() == tokenizer.encode(text + "\n" * closing).tolist()
    assert built.characters == len(text)
    assert built.lines == len(text.removesuffix("\n").split("\n"))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["c.bin", "c.json", "c.lines"]


@given(st.lists(st.text(st.sampled_from("the cat\n"), min_size=1), min_size=1, max_size=3))
def test_lines_end_where_the_text_says(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("corpus")
    lines = joined(texts).removesuffix("\n").split("\n")
    for unit, tokenizer in TOKENIZERS.items():
        built = Corpus.build(write_sources(folder, texts), tokenizer, folder / unit)
        starts = [0, *built.ends[:, 0].tolist()]
        pieces = [
            tokenizer.decode(built.tokens[a:b]).removesuffix("\n") for a, b in pairwise(starts)
        ]
        assert pieces == [tokenizer.decode(tokenizer.encode(line)) for line in lines]
        sizes = np.diff(built.ends[:, 1], prepend=0)
        assert sizes[:-1].tolist() == [len(line) + 1 for line in lines[:-1]]
        assert built.characters == len(joined(texts))


@pytest.mark.parametrize("unit", UNITS)
def test_the_result_does_not_depend_on_the_workers(tmp_path, monkeypatch, unit):
    monkeypatch.setattr(corpus, "WORKER_BYTES", 1)
    sources = write_sources(tmp_path / "in", [text * 50 for text in TEXTS])
    Corpus.build(sources, TOKENIZERS[unit], tmp_path / "one", workers=1)
    Corpus.build(sources, TOKENIZERS[unit], tmp_path / "three", workers=3)
    assert contents(tmp_path / "one") == contents(tmp_path / "three")
    assert len(list(tmp_path.iterdir())) == 1 + 2 * 3


@given(
    st.lists(st.text(st.sampled_from("ab \n"), min_size=1, max_size=80), min_size=1, max_size=4),
    st.integers(1, 5),
    st.integers(1, 40),
)
def test_plans_cover_the_text_in_order_at_line_starts(tmp_path_factory, texts, workers, least):
    sources = write_sources(tmp_path_factory.mktemp("plan"), texts)
    groups = plan(sources, workers, least)
    assert 1 <= len(groups) <= workers
    assert all(groups)
    pieces = [piece for group in groups for piece in group]
    assert list(dict.fromkeys(piece.path for piece in pieces)) == sources
    for path in sources:
        spans = [piece.span for piece in pieces if piece.path == path]
        if spans == [None]:
            continue
        assert [span.start for span in spans] == [0, *(span.stop for span in spans[:-1])]
        assert spans[-1].stop == path.stat().st_size
        assert all(path.read_bytes()[: span.stop].endswith(b"\n") for span in spans[:-1])
    assert all(piece.followed == (piece.path != sources[-1]) for piece in pieces)


def test_large_plain_files_are_shared_evenly(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("word word\n" * 1000)
    groups = plan([path], 4, 100)
    sizes = [sum(piece.span.stop - piece.span.start for piece in group) for group in groups]
    assert len(sizes) == 4
    assert max(sizes) - min(sizes) <= 40
    assert len(plan([path], 4, 6000)) == 1
    assert len(plan([path, "-"], 4, 100)) == 1


def test_ids_take_two_bytes_up_to_65536_tokens(tmp_path):
    for size, dtype in ((65_536, "uint16"), (65_537, "uint32")):
        words = [f"w{place}" for place in range(size - 2)]
        path = tmp_path / f"{size}.txt"
        path.write_text("\n".join(words))
        tokenizer = Tokenizer.train(words, "word")
        assert tokenizer.vocabulary_size == size
        built = Corpus.build([path], tokenizer, tmp_path / "c")
        assert built.tokens.dtype == dtype
        assert isinstance(built.tokens, np.memmap)
        assert built.tokens.max() == size - 2
        lines = tokenizer.encode_lines(words)
        assert built.tokens.tolist() == [id for ids in lines for id in ids.tolist()]


@pytest.mark.parametrize("workers", [1, 3])
def test_unseen_characters_and_damage_name_file_and_line(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(corpus, "WORKER_BYTES", 1)
    path = tmp_path / "a.txt"
    text = "the cat\n" * 300
    path.write_text(text + "the zat\n" + text + "q\n")
    with pytest.raises(DataError, match=r"a.txt, line 301: .* 'z' \(U\+007A\)"):
        Corpus.build([path], TOKENIZERS["char"], tmp_path / "c", workers=workers)
    path.write_bytes(text.encode() * 2 + b"\xff\n" + text.encode())
    with pytest.raises(DataError, match=r"a.txt, line 601: byte 4800 \(0xff\)"):
        Corpus.build([path], TOKENIZERS["char"], tmp_path / "c", workers=workers)
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_no_source_and_missing_source(tmp_path):
    with pytest.raises(DataError, match="no text given"):
        Corpus.build([], TOKENIZERS["char"], tmp_path / "c")
    with pytest.raises(DataError, match="no such file"):
        Corpus.build([tmp_path / "a.txt"], TOKENIZERS["char"], tmp_path / "c")


def test_standard_input(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the cat\nsat")))
    built = Corpus.build(["-"], TOKENIZERS["char"], tmp_path / "c")
    assert TOKENIZERS["char"].decode(built.tokens) == "the cat\nsat"


@pytest.mark.parametrize("unit", UNITS)
@given(
    lines=st.lists(st.text(st.sampled_from("the cat"), max_size=9), min_size=2, max_size=12),
    fraction=st.floats(0.01, 0.99),
)
def test_a_split_is_cut_at_the_line_end_after_the_place_wanted(
    tmp_path_factory, unit, lines, fraction
):
    folder = tmp_path_factory.mktemp("split")
    tokenizer = TOKENIZERS[unit]
    [path] = write_sources(folder, ["".join(line + "\n" for line in lines)])
    whole = Corpus.build([path], tokenizer, folder / "c")
    train, valid = whole.split(fraction)
    assert np.concatenate([train.tokens, valid.tokens]).tolist() == whole.tokens.tolist()
    assert train.lines + valid.lines == len(lines)
    assert train.lines > 0
    assert valid.lines > 0
    assert train.characters == sum(len(line) + 1 for line in lines[: train.lines])
    assert valid.characters == sum(len(line) + 1 for line in lines[train.lines :])
    sizes = np.cumsum([len(ids) for ids in tokenizer.encode_lines(lines)])
    assert len(train.tokens) == sizes[train.lines - 1]
    reached = np.flatnonzero(sizes >= len(whole.tokens) * (1 - fraction))[0] + 1
    assert train.lines == min(reached, len(lines) - 1)
    if valid.lines > 1:
        first, second = valid.split(0.5)
        assert first.characters + second.characters == valid.characters
        assert len(first.tokens) + len(second.tokens) == len(valid.tokens)


def test_splits_that_cannot_be(tmp_path):
    [path] = write_sources(tmp_path, ["the cat"])
    built = Corpus.build([path], TOKENIZERS["char"], tmp_path / "c")
    with pytest.raises(DataError, match="single line"):
        built.split()
    with pytest.raises(ValueError, match="between 0 and 1"):
        built.split(1.0)


@pytest.mark.parametrize("ending", ["bin", "lines", "json"])
def test_missing_and_damaged_files_are_named(tmp_path, ending):
    [path] = write_sources(tmp_path, ["the cat\nsat\n"])
    Corpus.build([path], TOKENIZERS["char"], tmp_path / "c")
    file = tmp_path / f"c.{ending}"
    data = file.read_bytes()
    damaged = [b"", data[:-1], data[: len(data) // 2], data[:-16]]
    if ending == "json":
        damaged = [b"", data[: len(data) // 2], b"[]", b"{}", b'{"dtype": 3}', b"\xff"]
        damaged.append(json.dumps({**json.loads(data), "tokens": 11}).encode())
    for part in damaged:
        file.write_bytes(part)
        with pytest.raises(DataError, match="damaged corpus"):
            Corpus.open(tmp_path / "c")
    file.unlink()
    with pytest.raises(DataError, match=rf"c\.{ending}: no such file"):
        Corpus.open(tmp_path / "c")


def is_alive(group):
    listing = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, check=True)
    processes = (line.split() for line in listing.stdout.decode().splitlines())
    return any(pgid == str(group) and state[0] != "Z" for pgid, state in processes)


INTERRUPTED = """
import sys
from elman.data import Corpus, Tokenizer, corpus
if __name__ == "__main__":
    corpus.WORKER_BYTES = 1
    tokenizer = Tokenizer.train(["the cat sat"], "bpe")
    Corpus.build([sys.argv[1]], tokenizer, sys.argv[2], workers=2)
"""


def test_an_interrupt_ends_all_processes_and_leaves_no_files(tmp_path):
    script, text, out = tmp_path / "build.py", tmp_path / "a.txt", tmp_path / "out"
    script.write_text(INTERRUPTED)
    text.write_text("the cat sat on another mat again\n" * 500_000)
    process = subprocess.Popen(
        [sys.executable, str(script), str(text), str(out / "c")],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while process.poll() is None and not list(out.glob(".tokenise-*/1.tokens")):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert errors.count(b"Traceback") == 1
    assert list(out.iterdir()) == []
    # multiprocessing's own resource tracker ends by itself once its parent is gone.
    deadline = time.monotonic() + 30
    while is_alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(process.pid)


UNGUARDED = INTERRUPTED.replace('if __name__ == "__main__":', "if True:")


def test_a_script_without_a_guard_is_told(tmp_path):
    script, text = tmp_path / "build.py", tmp_path / "a.txt"
    script.write_text(UNGUARDED)
    text.write_text("the cat sat\n" * 10)
    done = subprocess.run(
        [sys.executable, str(script), str(text), str(tmp_path / "c")],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert b'needs if __name__ == "__main__":' in done.stderr.splitlines()[-1]


def test_tinyshakespeare_counts(tmp_path):
    path = DATA / "tinyshakespeare" / "input.txt"
    if not path.exists():
        pytest.skip("needs tinyshakespeare under ELMAN_DATA")
    tokenizer = Tokenizer.train(read_lines(path), "char")
    built = Corpus.build([path], tokenizer, tmp_path / "c")
    assert (len(built.tokens), built.characters, built.lines) == (1_115_394, 1_115_394, 40_000)
    train, valid = built.split()
    assert tokenizer.decode(np.concatenate([train.tokens, valid.tokens])) == path.read_text()
    assert 0.0999 < len(valid.tokens) / 1_115_394 < 0.1001
