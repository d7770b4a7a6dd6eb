"""The Stanford Sentiment Treebank (Socher et al. 2013) as tables of sentences or phrases.

The trees themselves need no preparing.
"""

from collections.abc import Iterator, Sequence

from elman.data.prepare.inputs import files_of, only_file
from elman.data.prepare.item import HEADER, DataSet, Item, table_row
from elman.data.text import read_lines, source_name
from elman.data.trees import UNLABELLED, LabelledTree, parse_tree, two_labels
from elman.errors import DataError


def _plain(inputs: Sequence[str]) -> Iterator[Item]:
    path = only_file(inputs)
    for number, line in enumerate(read_lines(path), 1):
        where = f"{source_name(path)}, line {number}"
        text, _, label = line.rpartition("\t")
        if number == 1 and label == "label":
            continue
        if label not in ("0", "1"):
            raise DataError(f"{where}: expected a sentence, a tab and 0 or 1, got {line[:40]!r}.")
        yield table_row(text.strip(), label, where)


def _sentences(inputs: Sequence[str]) -> Iterator[Item]:
    for where, tree in _trees(inputs):
        yield table_row(" ".join(tree.words), str(tree.labels[0]), where)


def _binary(inputs: Sequence[str]) -> Iterator[Item]:
    for where, tree in _trees(inputs):
        label = two_labels(tree).labels[0]
        if label != UNLABELLED:
            yield table_row(" ".join(tree.words), str(label), where)


def _phrases(inputs: Sequence[str]) -> Iterator[Item]:
    seen: set[str] = set()
    for where, tree in _trees(inputs):
        for (first, last), label in zip(_spans(tree), tree.labels.tolist(), strict=True):
            if label == UNLABELLED:
                continue
            item = table_row(" ".join(tree.words[first:last]), str(label), where)
            if item.text not in seen:
                seen.add(item.text)
                yield item


def _trees(inputs: Sequence[str]) -> Iterator[tuple[str, LabelledTree]]:
    """Give each tree and its place."""
    for path in files_of(inputs):
        for number, line in enumerate(read_lines(path), 1):
            if not line.strip():
                continue
            where = f"{source_name(path)}, line {number}"
            tree = parse_tree(line, where)
            if tree.labels[0] == UNLABELLED:
                raise DataError(f"{where}: the whole sentence has no label.")
            yield where, tree


def _spans(tree: LabelledTree) -> list[tuple[int, int]]:
    """Return the words below each node: the first, and the one after the last."""
    parents = tree.parents.tolist()
    inner, spans, words = set(parents), [(0, 0)] * len(parents), len(tree.words)
    first = [words] * len(parents)
    last = [0] * len(parents)
    for node in range(len(parents) - 1, -1, -1):  # children stand after their parents
        if node not in inner:
            words -= 1
            first[node], last[node] = words, words + 1
        spans[node] = (first[node], last[node])
        if node:
            parent = parents[node]
            first[parent] = min(first[parent], first[node])
            last[parent] = max(last[parent], last[node])
    return spans


SST2 = DataSet("SST-2 lines `text<TAB>0|1` to a table", _plain, "sentences", HEADER)
SST = DataSet("sentiment trees to sentences with 5 labels", _sentences, "sentences", HEADER)
SST_BINARY = DataSet(
    "sentiment trees to sentences with 0 or 1, neutral ones left out", _binary, "sentences", HEADER
)
SST_PHRASES = DataSet(
    "sentiment trees to phrases with 5 labels, each different one once", _phrases, "phrases", HEADER
)
