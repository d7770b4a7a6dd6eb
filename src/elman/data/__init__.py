"""Raw data to batches: text, tokens, memory-mapped corpora, batches and word vectors."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman.data.batches import Batch, LineBatches, StreamBatches, length_buckets
    from elman.data.corpus import Corpus
    from elman.data.text import lines_of, read_lines
    from elman.data.tokenizer import Tokenizer
    from elman.data.trees import LabelledTree, parse_tree, read_trees
    from elman.data.units import DecodeStream
    from elman.data.vectors import read_vectors, train_word2vec

# Loaded on first use: the processes that tokenise start several times faster without torch.
_HOME = {
    "Batch": "batches",
    "Corpus": "corpus",
    "DecodeStream": "units",
    "LabelledTree": "trees",
    "LineBatches": "batches",
    "StreamBatches": "batches",
    "Tokenizer": "tokenizer",
    "length_buckets": "batches",
    "lines_of": "text",
    "parse_tree": "trees",
    "read_lines": "text",
    "read_trees": "trees",
    "read_vectors": "vectors",
    "train_word2vec": "vectors",
}

__all__ = [
    "Batch",
    "Corpus",
    "DecodeStream",
    "LabelledTree",
    "LineBatches",
    "StreamBatches",
    "Tokenizer",
    "length_buckets",
    "lines_of",
    "parse_tree",
    "read_lines",
    "read_trees",
    "read_vectors",
    "train_word2vec",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'elman.data' has no attribute {name!r}")
    return getattr(import_module(f"elman.data.{_HOME[name]}"), name)
