r"""Bracketed trees with a label on every node, one a line, as the sentiment treebank has them.

A leaf is `(label word)`, an inner node `(label node node ...)`:
`(3 (2 It) (4 (2 's) (3 lovely)))`. Labels are 0 to 4, or `?` where they are not known. In words
`\/` and `\*` stand for `/` and `*`, `-LRB-` and `-RRB-` for brackets.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, NoReturn

import numpy as np
from jaxtyping import Int

from elman.data.text import Source, read_lines, source_name
from elman.errors import DataError

CLASSES = 5
"""Labels: very negative, negative, neutral, positive, very positive."""
NEUTRAL = 2
"""The label in the middle."""
UNLABELLED = -1
"""What stands for `?`."""

_LABELS = {str(label): label for label in range(CLASSES)} | {"?": UNLABELLED}
_NAMES = {label: name for name, label in _LABELS.items()}
_TOKEN = re.compile(r"[()]|[^() \t\r\n]+")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}", "-LSB-": "[", "-RSB-": "]"}


class LabelledTree(NamedTuple):
    """A tree whose nodes stand in the order in which their brackets open.

    Args:
        parents: the parent of each node, -1 for the root.
        labels: the label of each node, `UNLABELLED` where it is not known.
        words: the words of the leaves, in order.
    """

    parents: Int[np.ndarray, " nodes"]
    labels: Int[np.ndarray, " nodes"]
    words: list[str]


def read_trees(path: Source) -> Iterator[LabelledTree]:
    """Streams the trees of a file.

    Args:
        path: a UTF-8 file with one tree a line, empty lines skipped; compressed if its name ends
            in `.gz`; or `-` for standard input.

    Yields:
        One tree after the other.

    Raises:
        DataError: the file cannot be read, holds no tree, or a line is no tree (named by line
            and column).
    """
    name, found = source_name(path), False
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            found = True
            yield parse_tree(line, f"{name}, line {number}")
    if not found:
        raise DataError(f"{name} holds no tree: give one bracketed tree a line.")


def parse_tree(text: str, where: str) -> LabelledTree:
    """Reads one bracketed tree.

    Args:
        text: the tree.
        where: the place of the text, for messages.

    Returns:
        The tree.

    Raises:
        DataError: the text is no tree; names the column, counted from 1.
    """
    return _Reader(where).read(text)


def two_labels(tree: LabelledTree) -> LabelledTree:
    """Leaves of the labels only negative, 0, and positive, 1.

    Args:
        tree: a tree with labels of `CLASSES`.

    Returns:
        The same tree; neutral nodes have no label.
    """
    sides = np.where(tree.labels > NEUTRAL, 1, 0)
    without = (tree.labels == UNLABELLED) | (tree.labels == NEUTRAL)
    return tree._replace(labels=np.where(without, UNLABELLED, sides))


def write_tree(tree: LabelledTree, labels: Sequence[int]) -> str:
    """Writes a tree as brackets, with labels that may be other than its own.

    Args:
        tree: the tree.
        labels: a label for each node.

    Returns:
        One line, which `parse_tree` reads.
    """
    leaves = set(range(len(tree.parents))) - set(tree.parents.tolist())
    words, parts, unclosed = iter(tree.words), [], [-1]
    for node, (parent, label) in enumerate(zip(tree.parents.tolist(), labels, strict=True)):
        while unclosed[-1] != parent:
            parts.append(")")
            unclosed.pop()
        parts.append(f" ({_NAMES[int(label)]}")
        unclosed.append(node)
        if node in leaves:
            parts.append(f" {_escaped(next(words))}")
    return "".join(parts).strip() + ")" * (len(unclosed) - 1)


def _escaped(word: str) -> str:
    for bracket, name in (("(", "-LRB-"), (")", "-RRB-")):
        word = word.replace(bracket, name)
    return word


class _Reader:
    """Takes the tokens of one tree, one after the other."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.column = 1
        self.parents: list[int] = []
        self.labels: list[int] = []
        self.words: list[str] = []
        self.open: list[tuple[int, int]] = []  # nodes not yet closed, and their columns
        self.filled: list[str] = []  # what each node holds: nothing, `word` or `nodes`

    def read(self, text: str) -> LabelledTree:
        labelled = True
        for token in _TOKEN.finditer(text):
            self.column = token.start() + 1
            if not self.open and self.parents and token[0] != ")":
                self.refuse("text after the end of the tree: one tree a line")
            if not labelled:
                self.label(token[0])
                labelled = True
            elif token[0] == "(":
                self.begin()
                labelled = False
            elif token[0] == ")":
                self.end()
            else:
                self.word(token[0])
        if self.open:
            self.column = self.open[-1][1]
            self.refuse("this bracket is never closed")
        if not self.parents:
            self.refuse("there is no tree: it starts with (")
        parents, labels = (np.array(part, dtype=np.int64) for part in (self.parents, self.labels))
        return LabelledTree(parents, labels, self.words)

    def begin(self) -> None:
        parent = -1
        if self.open:
            parent = self.open[-1][0]
            self.fill("nodes")
        self.open.append((len(self.parents), self.column))
        self.parents.append(parent)
        self.filled.append("")

    def label(self, token: str) -> None:
        if token not in _LABELS:
            self.refuse(f"{token!r} is no label: after ( comes one of {', '.join(_LABELS)}")
        self.labels.append(_LABELS[token])

    def word(self, token: str) -> None:
        if not self.open:
            self.refuse(f"{token!r} stands outside of brackets: a tree starts with (")
        self.fill("word")
        plain = _BRACKETS.get(token, token).replace("\\/", "/").replace("\\*", "*")
        self.words.append("_".join(plain.split()))  # a word of two parts, with a space of its own

    def end(self) -> None:
        if not self.open:
            self.refuse("this bracket was never opened")
        node, column = self.open.pop()
        if not self.filled[node]:
            self.column = column
            self.refuse("an empty node: give it a word or nodes")

    def fill(self, what: str) -> None:
        node, _ = self.open[-1]
        if self.filled[node] and "word" in (what, self.filled[node]):
            self.refuse("a node holds either one word or nodes")
        self.filled[node] = what

    def refuse(self, what: str) -> NoReturn:
        raise DataError(f"{self.where}, column {self.column}: {what}.")
