"""Word vectors for the words of a vocabulary: read from files, or trained by word2vec."""

import re
from collections.abc import Iterable, Iterator, Set
from io import BufferedIOBase

import numpy as np
from jaxtyping import Bool, Float

from elman.data.text import Source, open_bytes, source_name
from elman.data.tokenizer import Tokenizer
from elman.errors import DataError, MissingExtraError

_LARGEST_SIZE = 1 << 16
_READ_BYTES = 1 << 20
_LONGEST_WORD = 1 << 16
_LONGEST_LINE = 1 << 22
_LONGEST_HEADER = 100
_HEADER = re.compile(rb"\s*(\d{1,18})\s+(\d{1,18})\s*")
# gensim silently drops what a sentence has beyond this.
_LONGEST_SENTENCE = 10_000

Vectors = tuple[Float[np.ndarray, "vocabulary size"], Bool[np.ndarray, " vocabulary"]]


def read_vectors(path: Source, tokenizer: Tokenizer) -> Vectors:
    """Reads pretrained vectors of the words that a vocabulary has.

    The formats are GloVe text, word2vec text (a first line with two counts) and word2vec binary
    (names ending in `.bin` or `.bin.gz`); `.gz` is decompressed. Of a word that comes twice the
    first vector counts.

    Args:
        path: the file, or `-` for standard input (text).
        tokenizer: its tokens are looked up as they are written.

    Returns:
        The vectors, float32, in the order of the ids, zero where the file has none; and which
        tokens have one.

    Raises:
        DataError: the file cannot be read, a line is no vector (named by its number), or no word
            of the vocabulary has one.
    """
    ids = {tokenizer.token(id).encode("utf-8"): id for id in range(tokenizer.vocabulary_size)}
    name = source_name(path)
    read = _binary_records if str(path).removesuffix(".gz").endswith(".bin") else _text_records
    vectors = np.zeros((0, 0), dtype=np.float32)
    known = np.zeros(len(ids), dtype=np.bool_)
    with open_bytes(path) as stream:
        for word, vector in read(stream, name, ids.keys()):
            if not known.any():
                vectors = np.zeros((len(ids), len(vector)), dtype=np.float32)
            if not known[ids[word]]:
                vectors[ids[word]] = vector
                known[ids[word]] = True
    if not known.any():
        raise DataError(
            f"{name}: none of its words is among the {len(ids)} of the vocabulary: is it a file "
            "of vectors for this language, and the unit word?"
        )
    return vectors, known


def train_word2vec(lines: Iterable[str], size: int, seed: int, tokenizer: Tokenizer) -> Vectors:
    """Trains skip-gram vectors on a text; one thread, so the same seed gives the same vectors.

    Args:
        lines: lines without their line ends, iterated several times (a list, not a generator).
        size: the length of a vector.
        seed: of the initial vectors and of sampling.
        tokenizer: cuts the lines; line ends and unknown words get vectors too.

    Returns:
        The vectors, float32, in the order of the ids, zero where the text lacks the token; and
        which tokens have one.

    Raises:
        MissingExtraError: gensim is not installed.
        DataError: there are no lines.

    Reference:
        Mikolov, Sutskever, Chen, Corrado & Dean 2013, "Distributed representations of words and
        phrases and their compositionality", equation 4 (negative sampling).
    """
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise MissingExtraError("gensim", "vectors", "to train word vectors") from None
    if iter(lines) is lines:
        raise ValueError("train_word2vec reads the lines several times: give a list of them.")
    sentences = _Sentences(lines, tokenizer)
    if not any(True for _ in sentences):
        raise DataError("no text to train word vectors on: give at least one line.")
    model = Word2Vec(
        sentences, vector_size=size, seed=seed, sg=1, min_count=1, sample=1e-3, workers=1
    )
    vectors = np.zeros((tokenizer.vocabulary_size, size), dtype=np.float32)
    known = np.zeros(tokenizer.vocabulary_size, dtype=np.bool_)
    ids = [int(key) for key in model.wv.index_to_key]
    vectors[ids] = model.wv.vectors
    known[ids] = True
    return vectors, known


class _Sentences:
    """The lines as lists of ids written out, as gensim wants its words."""

    def __init__(self, lines: Iterable[str], tokenizer: Tokenizer) -> None:
        self._lines = lines
        self._tokenizer = tokenizer

    def __iter__(self) -> Iterator[list[str]]:
        for line in self._lines:
            [ids] = self._tokenizer.encode_lines([line])
            for start in range(0, len(ids), _LONGEST_SENTENCE):
                yield [str(id) for id in ids[start : start + _LONGEST_SENTENCE]]


def _text_records(
    stream: BufferedIOBase, name: str, wanted: Set[bytes]
) -> Iterator[tuple[bytes, Float[np.ndarray, " size"]]]:
    """Yields the wanted words of a text file with their vectors."""
    size, promised, number = 0, 0, 0
    while line := stream.readline(_LONGEST_LINE):
        number += 1
        where = f"{name}, line {number}"
        if len(line) == _LONGEST_LINE:
            raise DataError(f"{where}: not a line of a text file of vectors; is it binary (.bin)?")
        if number == 1 and (header := _HEADER.fullmatch(line)):
            promised, size = _counts(header, where)
            continue
        word = (line.split(None, 1) or [b""])[0]
        if size == 0:
            size = _checked_size(len(line.split()) - 1, where)
            _numbers(line.rsplit(None, size)[1:], size, where)
        if word in wanted:
            # From the right, because a few published files have words with spaces inside.
            whole, *values = line.rsplit(None, size)
            vector = _numbers(values, size, where)
            if whole == word:
                yield word, vector
    if promised and number - 1 < promised:
        raise DataError(f"{name}: ends after {number - 1} of {promised} vectors: it is incomplete.")


def _binary_records(
    stream: BufferedIOBase, name: str, wanted: Set[bytes]
) -> Iterator[tuple[bytes, Float[np.ndarray, " size"]]]:
    """Yields the wanted words of a word2vec binary file with their vectors."""
    header = _HEADER.fullmatch(stream.readline(_LONGEST_HEADER))
    if not header:
        raise DataError(f"{name}: word2vec binary files start with two counts, this one does not.")
    count, size = _counts(header, name)
    buffer, place = b"", 0
    for number in range(1, count + 1):
        while (space := buffer.find(b" ", place)) < 0 or len(buffer) < space + 1 + 4 * size:
            more = stream.read(_READ_BYTES)
            if not more or (space < 0 and len(buffer) - place > _LONGEST_WORD):
                raise DataError(f"{name}: vector {number} of {count} is damaged or incomplete.")
            buffer, place = buffer[place:] + more, 0
        word = buffer[place:space].lstrip(b"\n")
        place = space + 1 + 4 * size
        if word in wanted:
            vector = np.frombuffer(buffer, "<f4", size, space + 1)
            if not np.isfinite(vector).all():
                raise DataError(f"{name}: vector {number} of {count} is not finite.")
            yield word, vector


def _counts(header: re.Match[bytes], where: str) -> tuple[int, int]:
    return int(header[1]), _checked_size(int(header[2]), where)


def _checked_size(size: int, where: str) -> int:
    if not 1 <= size <= _LARGEST_SIZE:
        raise DataError(f"{where}: vectors of {size} numbers; expected 1 to {_LARGEST_SIZE}.")
    return size


def _numbers(values: list[bytes], size: int, where: str) -> Float[np.ndarray, " size"]:
    try:
        vector = np.array([float(value) for value in values])
    except ValueError:
        raise DataError(f"{where}: expected a word and {size} numbers.") from None
    if len(vector) != size:
        raise DataError(f"{where}: {len(vector)} numbers, expected {size}.")
    if not (np.abs(vector) <= np.finfo(np.float32).max).all():
        raise DataError(f"{where}: a number is not finite or too large.")
    return vector
