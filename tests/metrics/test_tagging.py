import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.tag_schemes import find_spans
from elman.metrics.tagging import tagging_summary

TAGS = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])


def test_spans_count_when_words_and_label_are_right():
    true = ["B-A", "I-A", "O", "B-B"]
    found = ["B-A", "O", "O", "B-B"]
    summary = tagging_summary([(true, found)], find_spans)
    assert summary == {
        "sentences": 1,
        "tokens": 4,
        "accuracy": 0.75,
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
    }


def test_tags_that_are_no_spans_have_an_accuracy_only():
    summary = tagging_summary([(["N", "V"], ["N", "N"]), (["V"], ["V"])])
    assert summary == {"sentences": 2, "tokens": 3, "accuracy": 2 / 3}


@given(st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=6), min_size=1, max_size=4))
def test_f1_is_the_harmonic_mean(drawn):
    pairs = [tuple(zip(*sentence, strict=True)) for sentence in drawn]
    found = tagging_summary(pairs, find_spans)
    precision, recall = found["precision"], found["recall"]
    if not math.isnan(precision) and not math.isnan(recall) and precision + recall:
        expected = 2 * precision * recall / (precision + recall)
        assert found["f1"] == pytest.approx(expected)
    assert tagging_summary([(true, true) for true, _ in pairs], find_spans)["accuracy"] == 1.0
