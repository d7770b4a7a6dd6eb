from elman.plots.shaded_text import layout


def places(texts, columns, gap):
    return [(place.row, place.column) for place in layout(texts, columns, gap)]


def test_characters_fill_rows_and_newlines_end_them():
    assert places("abc↵de", 4, 0) == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]
    assert places("abcde", 2, 0) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]


def test_words_are_not_broken_over_rows():
    assert places(["to", "be", "or", "not"], 8, 1) == [(0, 0), (0, 3), (0, 6), (1, 0)]
    assert places(["abcdefgh", "i"], 8, 1) == [(0, 0), (1, 0)]
