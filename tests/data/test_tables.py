"""Tables of labelled texts, as people have them."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.tables import parse_sequence, read_table
from elman.errors import DataError


@pytest.fixture
def table(tmp_path):
    """Writes a file and reads it."""

    def read(name, text, **columns):
        path = tmp_path / name
        data = text.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return [(row.text, row.label) for row in read_table(path, **columns)]

    return read


BOTH = [("a b", "x"), ("c", "y")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.tsv", "text\tlabel\na b\tx\nc\ty\n"),
        ("t.tsv", "a b\tx\nc\ty\n"),
        ("t.txt", "label\tother\ttext\r\nx\t1\ta b\r\n\r\ny\t2\tc\r\n"),
        ("t.csv", "label,text\nx,a b\ny,c\n"),
        ("t.csv", '"a b",x\n\nc,"y"\n'),
        ("t.jsonl", '{"text": "a b", "label": "x", "more": [1]}\n\n{"label": "y", "text": "c"}\n'),
    ],
)
def test_all_forms_are_read(table, name, text):
    assert table(name, text) == BOTH
    assert table(f"{name}.gz", text) == BOTH


def test_columns_can_be_named(table):
    text = "sentence\tclass\tlabel\na b\tx\t0\nc\ty\t1\n"
    assert table("t.tsv", text, text_column="sentence", label_column="class") == BOTH


def test_tabs_quote_nothing_and_commas_do(table):
    assert table("t.tsv", 'he said "no\tx\n') == [('he said "no', "x")]
    quoted = 'text,label\n"one, ""two""\nthree",x\n'
    assert table("t.csv", quoted) == [('one, "two"\nthree', "x")]


def test_long_fields_are_read_and_the_limit_of_others_stays(table):
    import csv

    before = csv.field_size_limit()
    assert table("t.csv", f"{'a' * 200_000},x\n")[0][0] == "a" * 200_000
    assert csv.field_size_limit() == before


def test_empty_texts_are_kept(table):
    assert table("t.tsv", "\tx\nc\ty\n") == [("", "x"), ("c", "y")]


def test_lines_are_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('text,label\n"two\nlines",x\n\nb,y\n')
    assert [row.where.rpartition(", ")[2] for row in read_table(path)] == ["line 2", "line 5"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.tsv", "sentence\tlabel\na\tx\n", "t.tsv has no column 'text', but sentence, label"),
        ("t.tsv", "text\tclass\na\tx\n", "no column 'label', but text, class"),
        ("t.tsv", "a\tb\tc\n1\t2\t3\n", "no column 'text', but a, b, c"),
        ("t.tsv", "only\n", "no column 'text', but only"),
        ("t.tsv", "text\tlabel\na\tx\nb\n", "line 3: expected 2 columns, got 1"),
        ("t.tsv", "a\tx\nb\ty\tz\n", "line 2: expected 2 columns, got 3"),
        ("t.csv", "text,label\na,x\nb,c,y\n", "line 3: expected 2 columns, got 3"),
        ("t.csv", 'text,label\na,x\n"b,y\n', "line 3: not CSV"),
        ("t.tsv", "a\tx\nb\t \n", "line 2: the text has no label"),
        ("t.tsv", "text\tlabel\n", "has no rows"),
        ("t.tsv", "", "is empty"),
        ("t.jsonl", '{"text": "a"}\n', "line 1 has no column 'label', but text"),
        ("t.jsonl", "[1]\n", "line 1: expected a JSON object"),
        ("t.jsonl", '{"text": "a"\n', "line 1: not a JSON object"),
        ("t.jsonl", '{"text": 3, "label": "x"}\n', "line 1: expected a text or a list"),
        ("t.jsonl", '{"text": "a", "label": null}\n', "line 1: the label must be"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_line(table, name, text, message):
    with pytest.raises(DataError, match=message) as caught:
        table(name, text)
    assert "\n" not in str(caught.value)


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(
                st.floats(allow_nan=False, allow_infinity=False, width=32),
                min_size=width,
                max_size=width,
            ),
            max_size=5,
        )
    )
)
def test_sequences_come_back_as_they_were_written(steps):
    text = " ".join(",".join(map(repr, step)) for step in steps)
    wanted = np.array(steps, dtype=np.float32).reshape(len(steps), len(steps[0]) if steps else 0)
    np.testing.assert_array_equal(parse_sequence(text, "here"), wanted)


def test_lists_of_numbers_are_sequences(table):
    objects = [
        {"text": [[0.5, 1], [2, -3]], "label": 1},
        {"text": [1, 2.5], "label": True},
        {"text": [], "label": "x"},
    ]
    rows = table("t.jsonl", "\n".join(map(json.dumps, objects)))
    assert rows == [("0.5,1 2,-3", "1"), ("1 2.5", "True"), ("", "x")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2 3", "step 2 has 1 numbers, the first has 2"),
        ("1,a", "'a' is not a finite number"),
        ("1,nan", "'nan' is not"),
        ("1e60", "'1e60' is not"),
        ("1,,2", "'' is not"),
    ],
)
def test_what_is_no_sequence_is_told(text, message):
    with pytest.raises(DataError, match=f"here: {message}"):
        parse_sequence(text, "here")
