import pytest

from elman.tasks.translation.side import Side

LINES = ["Ein Mann, zwei Hunde.", "Zwei Männer und ein Hund.", "Ein Hund, zwei Männer."]


@pytest.mark.parametrize("unit", ["word", "char", "bpe"])
def test_lines_come_back(unit, tmp_path):
    Side.gather(LINES, unit, None).save(tmp_path / "side.json")
    side = Side.load(tmp_path / "side.json")
    for ids, line in zip(side.encode(LINES), LINES, strict=True):
        assert ids[-1] == side.end
        assert side.end not in ids[:-1]
        assert side.decode(ids.tolist(), side.pieces(ids[:-1].tolist())) == line


def test_a_character_never_seen_is_left_out_and_named():
    side = Side.gather(["AB", "BA"], "char", None)
    with pytest.warns(UserWarning, match="left out.*Ł"):
        (ids,) = side.encode(["AŁB"])
    assert ids.tolist() == side.encode(["AB"])[0].tolist()


def test_the_other_case_is_read_where_it_is_known():
    side = Side.gather(["AB", "xB"], "char", None)
    first, second = side.encode(["abX", "ABx"])
    assert first.tolist() == second.tolist()


def test_lines_that_cannot_be_written_are_counted():
    words = Side.gather(["a b", "b c"], "word", None)
    assert words.count_unknown(["a c", "a d", "d"]) == 2
    assert Side.gather(["ab"], "char", None).count_unknown(["ba", "ac"]) == 1
    assert Side.gather(["ab ab"], "bpe", 257).count_unknown(["xyz"]) == 0


def test_words_are_limited_to_the_most_frequent():
    side = Side.gather(["a a a b b c"], "word", 4)
    assert side.size == 4
    assert side.count_unknown(["c"]) == 1
