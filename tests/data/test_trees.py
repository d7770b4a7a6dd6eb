"""Bracketed trees: read, written, and refused by line and column."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import parse_tree, read_trees
from elman.data.trees import UNLABELLED, two_labels, write_tree
from elman.errors import DataError

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Z", "C"], exclude_characters="\\"),
    min_size=1,
    max_size=4,
)
LABELS = st.integers(UNLABELLED, 4)
NESTED = st.recursive(
    st.tuples(LABELS, WORDS),
    lambda inner: st.tuples(LABELS, st.lists(inner, min_size=1, max_size=3)),
    max_leaves=8,
)


def written(node):
    """A nested tree as brackets, and its nodes in the order in which they open."""
    label, content = node
    name = "?" if label == UNLABELLED else str(label)
    if isinstance(content, str):
        word = content.replace("(", "-LRB-").replace(")", "-RRB-")
        return f"({name} {word})", [(label, -1)], [content]
    text, nodes, words = "", [(label, -1)], []
    for child in content:
        part, below, leaves = written(child)
        start = len(nodes)
        nodes += [(own, 0 if parent < 0 else start + parent) for own, parent in below]
        text += f" {part}"
        words += leaves
    return f"({name}{text})", nodes, words


@given(NESTED)
def test_a_tree_is_read_as_it_was_written(node):
    text, nodes, words = written(node)
    tree = parse_tree(text, "here")
    assert list(zip(tree.labels.tolist(), tree.parents.tolist(), strict=True)) == nodes
    assert tree.words == words
    assert write_tree(tree, tree.labels) == text


def test_escapes_and_white_space_are_resolved():
    text = "  (2 (2 -LRB-) (2 1\\/2)\t(2 \\*\\*)( 2 -RRB- ) (2 2\u00a01\\/2) )  "
    assert parse_tree(text, "here").words == ["(", "1/2", "**", ")", "2_1/2"]


def test_other_labels_can_be_written():
    tree = parse_tree("(? (2 a) (? (1 b)))", "here")
    assert tree.labels.tolist() == [UNLABELLED, 2, UNLABELLED, 1]
    assert write_tree(tree, [4, 3, 2, 1]) == "(4 (3 a) (2 (1 b)))"


def test_a_deep_tree_needs_no_deep_stack():
    depth = 20_000
    tree = parse_tree("(2 " * depth + "a" + ")" * depth, "here")
    assert np.array_equal(tree.parents, np.arange(-1, depth - 1))
    assert len(write_tree(tree, tree.labels)) == 4 * depth + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(3 (2 a) (2 b)", "column 1: this bracket is never closed"),
        ("(3 (2 a) (2 b", "column 10: this bracket is never closed"),
        ("(", "column 1: this bracket is never closed"),
        ("(3 (2 a)))", "column 10: this bracket was never opened"),
        (")", "column 1: this bracket was never opened"),
        ("(2 a) (2 b)", "column 7: text after the end of the tree: one tree a line"),
        ("good film", r"column 1: 'good' stands outside of brackets: a tree starts with \("),
        ("(7 a)", r"column 2: '7' is no label: after \( comes one of 0, 1, 2, 3, 4, \?"),
        ("((2 a))", r"column 2: '\(' is no label"),
        ("(2 )", "column 1: an empty node: give it a word or nodes"),
        ("(2 a b)", "column 6: a node holds either one word or nodes"),
        ("(2 a (2 b))", "column 6: a node holds either one word or nodes"),
        ("(2 (2 b) a)", "column 10: a node holds either one word or nodes"),
        ("", r"column 1: there is no tree: it starts with \("),
    ],
)
def test_what_is_no_tree_is_refused_with_its_place(tmp_path, text, message):
    with pytest.raises(DataError, match=f"^input 7, {message}"):
        parse_tree(text, "input 7")
    if text:
        path = tmp_path / "trees.txt"
        path.write_text(f"(2 a)\n\n{text}\n")
        with pytest.raises(DataError, match=rf"trees\.txt, line 3, {message}"):
            list(read_trees(path))


def test_files_are_read_line_by_line(tmp_path):
    path = tmp_path / "trees.gz"
    path.write_bytes(gzip.compress(b"(1 a)\n \n(3 (2 b) (3 c))\n"))
    assert [tree.words for tree in read_trees(path)] == [["a"], ["b", "c"]]
    path = tmp_path / "blank.txt"
    path.write_text("\n\n")
    with pytest.raises(DataError, match=r"blank\.txt holds no tree"):
        list(read_trees(path))


def test_two_labels_leave_the_neutral_out():
    tree = parse_tree("(4 (3 a) (2 (1 b) (2 (0 c) (? d))))", "here")
    assert two_labels(tree).labels.tolist() == [1, 1, -1, 0, -1, 0, -1]
    assert write_tree(tree, two_labels(tree).labels.tolist()).startswith("(1 (1 a) (? (0 b)")


def test_the_sentiment_treebank(data_folder):
    trees = list(read_trees(data_folder / "sst" / "trees" / "dev.txt"))
    assert (len(trees), sum(len(tree.words) for tree in trees)) == (1101, 21274)
    roots = np.bincount([tree.labels[0] for tree in trees])
    assert roots.tolist() == [139, 289, 229, 279, 165]
