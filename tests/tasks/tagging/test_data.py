import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elman.tasks.tagging import data
from elman.tasks.tagging.data import cut_by_words, within_memory


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 60))
def test_batches_hold_every_sentence_once_and_no_more_words_than_said(lengths, most):
    ranked = np.argsort(lengths, kind="stable").tolist()
    batches = list(cut_by_words(ranked, lengths, most))
    assert [row for batch in batches for row in batch] == ranked
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= most


def test_only_batches_that_are_too_large_are_cut(monkeypatch):
    monkeypatch.setattr(data, "WORDS_OF_A_BATCH", 10)
    lengths = [2, 3, 90, 1, 1]
    found = within_memory([np.array([3, 4]), np.array([0, 1, 2])], lengths)
    assert [rows.tolist() for rows in found] == [[3, 4], [0, 1], [2]]
