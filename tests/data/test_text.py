import gzip
import io
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.text import Span, count_lines, lines_of, read_blocks, read_lines
from elman.errors import DataError

MARK = b"\xef\xbb\xbf"
PLAIN_TEXT = st.text(st.sampled_from("ab \r\n\u00e9\u2028\U0001f600"), min_size=1)


def expected_lines(data):
    """The definition: newlines end lines, one CR in front of a newline belongs to it."""
    *ended, rest = data.removeprefix(MARK).decode("utf-8").split("\n")
    return [line.removesuffix("\r") for line in ended] + ([rest] if rest else [])


def is_text(data):
    if not data.removeprefix(MARK) or 0 in data:
        return False
    escaped = data.decode("utf-8", "surrogateescape")
    return not any(0xDC80 <= ord(character) <= 0xDCFF for character in escaped)


def check_read(path, data):
    """Reads the lines of `data`, or one line of error where that is None."""
    if data is not None:
        assert list(read_lines(path)) == expected_lines(data)
        return
    with pytest.raises(DataError) as caught:
        list(read_lines(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=60) | PLAIN_TEXT.map(str.encode) | st.binary().map(lambda b: MARK + b))
def test_any_bytes_give_lines_or_one_line_of_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(data)
    check_read(path, data if is_text(data) else None)


@given(st.binary(max_size=60), st.booleans(), st.integers(0, 80))
def test_any_bytes_named_gz_give_lines_or_one_line_of_error(tmp_path_factory, data, packed, cut):
    path = tmp_path_factory.mktemp("text") / "a.gz"
    stored = gzip.compress(data, mtime=0) if packed else data
    path.write_bytes(stored[:cut])
    whole = packed and cut >= len(stored) and is_text(data)
    check_read(path, data if whole else None)


@given(PLAIN_TEXT, st.integers(1, 9), st.lists(st.integers(0, 60), max_size=3))
def test_blocks_and_spans_of_any_size_join_to_the_text(tmp_path_factory, text, size, places):
    data = text.encode()
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(data)
    starts = sorted({0, len(data), *(data.find(b"\n", place) + 1 for place in places)})
    joined = ""
    for start, stop in pairwise(starts):
        before = joined.count("\n")
        assert count_lines(path, start) == before
        for block in read_blocks(path, Span(start, stop), size):
            assert block.line == joined.count("\n") - before + 1
            joined += block.text
    assert joined == text.replace("\r\n", "\n")


def test_a_long_line_is_cut_between_words_and_read_as_one_line(tmp_path):
    path = tmp_path / "long.txt"
    text = "word " * 30
    path.write_text(text + "\nnext")
    blocks = list(read_blocks(path, block_bytes=20))
    assert len(blocks) > 5
    assert [block.line for block in blocks] == [1] * (len(blocks) - 1) + [2]
    assert "".join(block.text for block in blocks) == text + "\nnext"
    assert all(block.text.startswith(" word") for block in blocks[1:-1])
    path.write_text("x y" * 1_000_000 + "\nz")
    assert list(read_lines(path)) == ["x y" * 1_000_000, "z"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"good\nba\xffd\n", "line 2: byte 7 (0xff) is not valid UTF-8"),
        (MARK + b"a\n\n\xc3(", "line 3: byte 6 (0xc3) is not valid UTF-8"),
        (b"a\nb\n\x00\n", "line 3: byte 4 is zero"),
        ("text".encode("utf-16-le"), "line 1: byte 1 is zero"),
        (b"", "is empty"),
        (MARK, "is empty"),
    ],
)
@pytest.mark.parametrize("ending", ["txt", "gz"])
def test_errors_name_file_line_and_byte(tmp_path, data, message, ending):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(gzip.compress(data) if ending == "gz" else data)
    with pytest.raises(DataError) as caught:
        list(read_lines(path))
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_an_error_in_a_later_span_names_the_line_of_the_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ntwo\nthree\nf\xff")
    with pytest.raises(DataError, match=r"line 4: byte 15 "):
        list(read_blocks(path, Span(8, 16)))


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        list(read_lines(tmp_path / "none.txt"))
    with pytest.raises(DataError, match="is a folder"):
        list(read_lines(tmp_path))
    with pytest.raises(DataError, match="cannot be read"):
        list(read_lines(tmp_path / ("long" * 100)))


def test_standard_input_and_several_sources(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"three\r\nfour\n")))
    assert list(lines_of([path, "-", str(path)])) == ["one", "two", "three", "four", "one", "two"]
    with pytest.raises(DataError, match="standard input is empty"):
        list(read_lines("-"))
