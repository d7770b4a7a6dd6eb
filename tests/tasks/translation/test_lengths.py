import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.tasks.translation.lengths import MOST, group_by_length


def bounds(name):
    first, _, last = name.rstrip("+").partition("-")
    return int(first), np.inf if name.endswith("+") else int(last or first)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=300))
def test_each_sentence_stands_once_where_its_length_belongs(lengths):
    groups = group_by_length(lengths)
    assert len(groups) <= MOST
    assert sorted(row for group in groups for row in group.rows) == list(range(len(lengths)))
    for name, rows in groups:
        first, last = bounds(name)
        assert rows
        assert all(first <= max(lengths[row], 1) <= last for row in rows)
    firsts = [bounds(group.name)[0] for group in groups]
    assert firsts == sorted(firsts)
    steps = np.diff(firsts)
    leading = int(np.gcd.reduce(steps)) if len(steps) else 1
    assert np.all(steps % leading == 0)


@pytest.mark.parametrize(
    ("lengths", "names"),
    [
        ([1, 2, 2, 7], ["1", "2", "7"]),
        ([3, 8, 8, 9, 13, 14], ["3-4", "7-8", "9-10", "13-14"]),
        ([*range(1, 13)] * 10, ["1-2", "3-4", "5-6", "7-8", "9-10", "11-12"]),
        ([*[1, 14] * 100, 1999], ["1-2", "13-14", "15+"]),
        ([5000], ["4001-5000"]),
    ],
)
def test_names(lengths, names):
    assert [group.name for group in group_by_length(lengths)] == names
