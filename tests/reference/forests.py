"""Random trees of any shape, for properties that hold of all of them."""

from hypothesis import strategies as st


@st.composite
def forests(draw, max_children=None, trees=4):
    """Some trees, each the parents of its nodes, which stand in any order."""
    return [draw(tree(max_children)) for _ in range(draw(st.integers(1, trees)))]


@st.composite
def tree(draw, max_children):
    parents, free = [-1], [0]
    for node in range(1, draw(st.integers(1, 9))):
        parents.append(draw(st.sampled_from(free)))
        free.append(node)
        if parents.count(parents[-1]) == max_children:
            free.remove(parents[-1])
    order = draw(st.permutations(range(len(parents))))
    moved = [-1] * len(parents)
    for node, parent in enumerate(parents):
        moved[order[node]] = -1 if parent < 0 else order[parent]
    return moved
