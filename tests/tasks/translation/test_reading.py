import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import DataError
from elman.tasks.translation.reading import (
    MOST_HELD_OUT,
    Pair,
    hold_out_sources,
    read_pairs,
    without_empty,
)


def write(path, text):
    path.write_text(text, "utf-8")
    return str(path)


def test_two_files_and_one_are_read_alike(tmp_path):
    source, target = write(tmp_path / "a", "x y\n\nz\n\n"), write(tmp_path / "b", "1\n2\n\n\n")
    columns = write(tmp_path / "c.tsv", "x y\t1\n\t2\nz\t\n\n")
    expected = [Pair("x y", "1"), Pair("", "2"), Pair("z", "")]
    assert list(read_pairs(source, target)) == expected
    assert list(read_pairs(columns)) == expected


def test_compressed_files_are_read_as_they_are(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x\n"))
    assert list(read_pairs(str(tmp_path / "a.gz"), write(tmp_path / "b", "y\n"))) == [("x", "y")]


@pytest.mark.parametrize(("first", "second"), [(3, 5), (5, 3), (1, 2)])
def test_files_of_different_length_are_named_with_both_counts(tmp_path, first, second):
    source, target = write(tmp_path / "a", "x\n" * first), write(tmp_path / "b", "y\n" * second)
    with pytest.raises(DataError, match=f"a has {first} lines and .*b has {second}:"):
        list(read_pairs(source, target))


@pytest.mark.parametrize("line", ["no tab", "a\tb\tc"])
def test_a_line_without_two_columns_is_named(tmp_path, line):
    with pytest.raises(DataError, match="line 2: expected source<TAB>target"):
        list(read_pairs(write(tmp_path / "a", f"x\ty\n{line}\n")))


def test_standard_input_cannot_be_both():
    with pytest.raises(DataError, match="standard input"):
        list(read_pairs("-", "-"))


def test_half_empty_pairs_are_counted():
    pairs = [Pair("a", "b"), Pair(" ", "b"), Pair("a", "")]
    with pytest.warns(UserWarning, match="X: 2 of 3 lines are empty on one side"):
        assert without_empty(pairs, "X") == [Pair("a", "b")]
    with pytest.raises(DataError, match="no line has both"):
        without_empty(pairs[1:], "X")


@given(st.lists(st.integers(0, 30), min_size=2), st.integers(0, 5))
def test_what_is_held_out_was_not_learnt(sources, seed):
    if len(set(sources)) < 2:
        return
    pairs = [Pair(str(source), str(place)) for place, source in enumerate(sources)]
    learnt, held = hold_out_sources(pairs, seed)
    assert sorted(learnt + held) == sorted(pairs)
    assert not {pair.source for pair in learnt} & {pair.source for pair in held}
    assert len({pair.source for pair in held}) == max(1, len(set(sources)) // 10)


def test_held_out_sources_are_bounded_and_spread():
    pairs = [Pair(str(n), "") for n in range(30_000)]
    _, held = hold_out_sources(pairs, 1)
    assert len(held) == MOST_HELD_OUT
    assert sum(int(pair.source) < 15_000 for pair in held) > MOST_HELD_OUT / 3
    with pytest.raises(DataError, match="one source is too few"):
        hold_out_sources([Pair("a", "b"), Pair("a", "c")], 1)
