import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.tag_schemes import (
    Span,
    count_broken,
    find_scheme,
    find_spans,
    is_span_tag,
    may_follow,
    write_spans,
)

SPANS = [Span(0, 1, "A"), Span(2, 4, "B"), Span(4, 5, "B"), Span(5, 8, "A")]
WRITTEN = {
    "IOB1": "I-A O I-B I-B B-B I-A I-A I-A O",
    "IOB2": "B-A O B-B I-B B-B B-A I-A I-A O",
    "IOBES": "S-A O B-B E-B S-B B-A I-A E-A O",
}


@pytest.mark.parametrize("scheme", WRITTEN)
def test_spans_are_written_and_read(scheme):
    tags = WRITTEN[scheme].split()
    assert write_spans(SPANS, 9, scheme) == tags
    assert find_spans(tags) == SPANS
    assert find_scheme([tags]) == scheme
    assert count_broken(tags, scheme) == 0


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("O I-A I-A", [Span(1, 3, "A")]),
        ("I-A I-B", [Span(0, 1, "A"), Span(1, 2, "B")]),
        ("B-A I-B O", [Span(0, 1, "A"), Span(1, 2, "B")]),
        ("E-A E-A", [Span(0, 1, "A"), Span(1, 2, "A")]),
        ("B-A S-A I-A", [Span(0, 1, "A"), Span(1, 2, "A"), Span(2, 3, "A")]),
        ("I-LOC", [Span(0, 1, "LOC")]),
        ("", []),
        ("O O", []),
    ],
)
def test_broken_sequences_are_read_as_the_standard_script_does(tags, spans):
    assert find_spans(tags.split()) == spans


def test_breaks_are_counted():
    assert count_broken(["O", "I-A", "I-A", "O"], "IOB2") == 1
    assert count_broken(["B-A", "I-A", "O"], "IOBES") == 1
    assert find_scheme([["O", "I-A"], ["B-A", "I-A", "B-B"]]) == "IOB2"


def test_parts_of_speech_have_no_scheme():
    assert find_scheme([["NOUN", "O"]]) is None
    assert not is_span_tag("B-")
    assert not is_span_tag("INTJ-X")


spans = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from("AB")))


@given(spans, st.sampled_from(["IOB1", "IOB2", "IOBES"]))
def test_any_spans_come_back(drawn, scheme):
    placed, end = [], 0
    for gap, length, label in drawn:
        placed.append(Span(end + gap, end + gap + length, label))
        end += gap + length
    tags = write_spans(placed, end + 1, scheme)
    assert find_spans(tags) == placed


@given(st.lists(st.sampled_from(["O", *(f"{k}-{t}" for k in "BIES" for t in "AB")]), max_size=6))
def test_what_may_follow_is_what_a_scheme_writes(tags):
    whole = count_broken(tags, "IOBES") == 0
    ends = ["O", *tags, "O"]
    assert whole == all(map(may_follow, ends, ends[1:]))
