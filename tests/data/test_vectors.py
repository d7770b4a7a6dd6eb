import builtins
import gzip
import importlib.util
import os
import struct
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elman.data import Tokenizer, read_vectors, train_word2vec
from elman.errors import DataError, MissingExtraError

needs_gensim = pytest.mark.skipif(importlib.util.find_spec("gensim") is None, reason="needs gensim")
TOKENIZER = Tokenizer.train(["the cat sat on the mat", "the \u00e9t\u00e9"], "word")
WORDS = [TOKENIZER.token(id) for id in range(TOKENIZER.vocabulary_size)]
VECTORS = {
    "the": [1.0, -2.5, 3e-3],
    "dog": [9.0, 9.0, 9.0],
    "\u00e9t\u00e9": [0.5, 0.25, -1e10],
    "mat": [4.0, 5.0, 6.0],
}


def glove(vectors):
    rows = (f"{word} {' '.join(map(repr, vector))}\n" for word, vector in vectors.items())
    return "".join(rows).encode()


def word2vec_text(vectors):
    return f"{len(vectors)} 3\n".encode() + glove(vectors).replace(b"\n", b" \n")


def word2vec_binary(vectors, newline=b"\n"):
    rows = (
        word.encode() + b" " + struct.pack("<3f", *vector) + newline
        for word, vector in vectors.items()
    )
    return f"{len(vectors)} 3\n".encode() + b"".join(rows)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("glove.txt", glove(VECTORS)),
        ("tabs.txt", glove(VECTORS).replace(b" ", b"\t")),
        ("w2v.txt", word2vec_text(VECTORS)),
        ("w2v.bin", word2vec_binary(VECTORS)),
        ("tight.bin", word2vec_binary(VECTORS, b"")),
    ],
)
def test_every_format_gives_the_same_vectors(tmp_path, name, data, packed):
    path = tmp_path / (name + ".gz" * packed)
    path.write_bytes(gzip.compress(data) if packed else data)
    vectors, known = read_vectors(path, TOKENIZER)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(WORDS), 3)
    for id, word in enumerate(WORDS):
        assert known[id] == (word in VECTORS)
        expected = VECTORS[word] if known[id] else [0, 0, 0]
        assert np.array_equal(vectors[id], np.array(expected, dtype=np.float32))


def test_words_with_spaces_are_passed_over_and_the_first_of_two_counts(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_bytes(b"dog 1 1 1\nthe cat 9 9 9\nthe 1 2 3\nthe 7 7 7\n")
    vectors, known = read_vectors(path, TOKENIZER)
    assert vectors[WORDS.index("the")].tolist() == [1, 2, 3]
    assert known.sum() == 1


@needs_gensim
@pytest.mark.parametrize("binary", [False, True])
def test_what_gensim_writes_is_read(tmp_path, binary):
    from gensim.models import KeyedVectors

    values = np.random.default_rng(0).normal(size=(len(WORDS), 7)).astype(np.float32)
    model = KeyedVectors(7)
    model.add_vectors(WORDS, values)
    path = tmp_path / ("v.bin" if binary else "v.txt")
    model.save_word2vec_format(str(path), binary=binary)
    vectors, known = read_vectors(path, TOKENIZER)
    assert known.all()
    np.testing.assert_allclose(vectors, values, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", b"dog 1 2\nthe 1 x\n", "line 2: expected a word and 2 numbers"),
        ("a.txt", b"dog 1 2\nthe 1\n", "line 2: "),
        ("a.txt", b"dog 1 2\nthe 1 nan\n", "line 2: a number is not finite"),
        ("a.txt", b"dog 1 2\nthe 1 1e99\n", "line 2: a number is not finite"),
        ("a.txt", b"dog\n", "line 1: vectors of 0 numbers"),
        ("a.txt", b"dog runs fast\n", "line 1: expected a word and 2 numbers"),
        ("a.txt", b"2 0\nthe\n", "line 1: vectors of 0 numbers"),
        ("a.txt", b"2 999999999\nthe 1\n", "line 1: vectors of 999999999 numbers"),
        ("a.txt", b"3 2\nthe 1 2\n", "ends after 1 of 3 vectors"),
        ("a.txt", b"dog 1 2\n", "none of its words"),
        ("a.txt", b"", "none of its words"),
        ("a.txt", b"x" * (1 << 22), "not a line of a text file"),
        ("a.bin", b"the 1 2\n", "start with two counts"),
        ("a.bin", b"2 3\nthe " + b"\x00" * 12, "vector 2 of 2 is damaged or incomplete"),
        ("a.bin", b"1 3\n" + b"x" * (1 << 21), "vector 1 of 1 is damaged"),
        ("a.bin", b"1 1\nthe " + struct.pack("<f", np.inf), "vector 1 of 1 is not finite"),
        ("a.txt.gz", b"the 1 2\n", "not a gzip file"),
    ],
)
def test_damaged_files_are_named_with_the_place(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_vectors(path, TOKENIZER)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.binary() | st.text(st.sampled_from("the 12.\n-e\t")).map(str.encode))
@example(b"1 1\n\n1 1 1")
def test_any_bytes_give_finite_vectors_or_an_error(tmp_path_factory, data):
    for name in ("a.txt", "a.bin"):
        path = tmp_path_factory.mktemp("vectors") / name
        path.write_bytes(data)
        with suppress(DataError):
            vectors, known = read_vectors(path, TOKENIZER)
            assert np.isfinite(vectors).all()
            assert known.any()


TRAIN = """
import sys
import numpy as np
from elman.data import Tokenizer, train_word2vec
assert "gensim" not in sys.modules
lines = ["the cat sat on the mat", "a dog sat on a cat"] * 50
tokenizer = Tokenizer.train([*lines, "zebra"], "word")
vectors, known = train_word2vec(lines, 6, 3, tokenizer)
assert [tokenizer.token(i) for i in np.flatnonzero(~known)] == ["zebra", "<unk>"]
assert (vectors[known] != 0).any(axis=1).all() and not vectors[~known].any()
np.save(sys.argv[1], vectors)
"""


@needs_gensim
def test_training_is_the_same_in_every_process(tmp_path):
    for place in range(2):
        subprocess.run(
            [sys.executable, "-c", TRAIN, str(tmp_path / f"{place}.npy")],
            env={**os.environ, "PYTHONHASHSEED": str(place)},
            check=True,
        )
    assert (tmp_path / "0.npy").read_bytes() == (tmp_path / "1.npy").read_bytes()


@needs_gensim
def test_words_used_alike_get_similar_vectors():
    generator = np.random.default_rng(0)
    animals, colours = ["cat", "dog", "cow"], ["red", "blue", "green"]
    lines = [
        f"my {generator.choice(animals)} eats grass while paint looks {generator.choice(colours)} "
        for _ in range(2000)
    ]
    tokenizer = Tokenizer.train(lines, "word")
    vectors, _ = train_word2vec(lines, 8, 1, tokenizer)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    cat, dog, red = (vectors[tokenizer.encode(word)[0]] for word in ("cat", "dog", "red"))
    assert cat @ dog > cat @ red


@needs_gensim
def test_training_needs_lines_that_can_be_read_again():
    with pytest.raises(ValueError, match="give a list"):
        train_word2vec(iter(["a"]), 4, 0, TOKENIZER)
    with pytest.raises(DataError, match="no text"):
        train_word2vec([], 4, 0, TOKENIZER)


def test_a_missing_gensim_is_named(monkeypatch):
    real_import = builtins.__import__

    def without_gensim(name, *rest):
        if name.startswith("gensim"):
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_gensim)
    with pytest.raises(MissingExtraError, match=r"pip install 'elman\[vectors\]'"):
        train_word2vec(["the cat"], 4, 0, TOKENIZER)
