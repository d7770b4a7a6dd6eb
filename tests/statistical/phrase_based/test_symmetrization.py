"""Grow-diag-final-and against the published procedure, word for word, and by hand."""

from hypothesis import given
from hypothesis import strategies as st

from elman.statistical.phrase_based.symmetrization import grow_diag_final_and

SIZE = 6
NEIGHBOURS = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]


def published(f2e: set, e2f: set) -> set:
    """The procedure over all cells of the matrix, English word by English word."""
    cells = [(f, e) for e in range(SIZE) for f in range(SIZE)]
    alignment = f2e & e2f

    def aligned(side: int, new: tuple[int, int]) -> bool:
        return any(point[side] == new[side] for point in alignment)

    before = None
    while before != len(alignment):
        before = len(alignment)
        for f, e in cells:
            near = [(f + df, e + de) for de, df in NEIGHBOURS] if (f, e) in alignment else []
            for new in near:
                if new in f2e | e2f and not (aligned(0, new) and aligned(1, new)):
                    alignment.add(new)
    for direction in (f2e, e2f):
        for new in cells:
            if new in direction and not aligned(0, new) and not aligned(1, new):
                alignment.add(new)
    return alignment


def directions():
    """Each target word has one source word or none; and the other way round."""
    one = st.lists(st.none() | st.integers(0, SIZE - 1), min_size=SIZE, max_size=SIZE)
    return st.tuples(
        one.map(lambda found: {(i, j) for j, i in enumerate(found) if i is not None}),
        one.map(lambda found: {(j, i) for j, i in enumerate(found) if i is not None}),
    )


@given(directions())
def test_equals_the_published_procedure(drawn):
    forward, backward = drawn
    assert grow_diag_final_and(forward, backward) == published(forward, backward)


def test_a_matrix_by_hand():
    # Both say (0, 0) and (1, 1). (1, 2) touches (1, 1) and target 2 is new: added. (3, 2) touches
    # nothing, and target 2 has a word by then: left out. (3, 4) touches nothing, both words are
    # new: added in the end. (2, 4) comes too late for target 4.
    forward = {(0, 0), (1, 1), (1, 2), (3, 4)}
    backward = {(0, 0), (1, 1), (3, 2), (2, 4)}
    assert grow_diag_final_and(forward, backward) == {(0, 0), (1, 1), (1, 2), (3, 4)}


def test_nothing_in_common():
    assert grow_diag_final_and({(0, 1)}, {(0, 0)}) == {(0, 1)}
    assert grow_diag_final_and(set(), set()) == set()
