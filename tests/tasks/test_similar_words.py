import math

import pytest
import torch
from scipy.stats import spearmanr

from elman.data.word_similarity import ScoredPair
from elman.errors import DataError
from elman.tasks.similar_words import SimilarWords
from elman.tasks.task import WordVectors
from elman.tasks.word_vectors import vectors_of_words

WORDS = ["cat", "dog", "London", "london", "far"]
VECTORS = torch.tensor([[1.0, 0.1], [1.0, 0.3], [0.0, 1.0], [0.0, -1.0], [-1.0, 0.0]])


@pytest.fixture
def known():
    return SimilarWords(WordVectors(WORDS, VECTORS.requires_grad_()))


def test_neighbours_are_found_as_written_then_without_capitals(known):
    assert [word for word, _ in known.nearest("cat", 2)] == ["dog", "London"]
    assert known.nearest("CAT", 9) == known.nearest("cat", 9)
    assert known.nearest("London", 1)[0][0] == "dog"
    assert known.nearest("LONDON", 1)[0][0] == "far"
    word, cosine = known.nearest("dog", 1)[0]
    assert (word, cosine) == ("cat", pytest.approx(1.03 / math.sqrt(1.01 * 1.09)))
    with pytest.raises(DataError, match="'zebra' is not among the 5 words with a vector"):
        known.nearest("zebra", 1)


def test_agreement_leaves_unknown_words_out(known):
    pairs = [
        ScoredPair("cat", "Dog", 9.0),
        ScoredPair("cat", "zebra", 5.0),
        ScoredPair("London", "dog", 4.0),
        ScoredPair("far", "cat", 6.0),
    ]
    found = known.agreement(pairs)
    assert (found["pairs"], found["found"]) == (4, 3)
    expected = spearmanr([9.0, 4.0, 6.0], [0.98, 0.3, -1.0])[0]
    assert found["spearman"] == pytest.approx(expected)
    nothing = known.agreement(pairs[1:2])
    assert (nothing["pairs"], nothing["found"]) == (1, 0)
    assert math.isnan(nothing["spearman"])


def test_vectors_of_some_words_are_read(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("cat 1 2\nsea 5 6\ndog 3 4\n")
    words, vectors = vectors_of_words(str(path), ["dog", "cat", "cat", "zebra"])
    found = dict(zip(words, vectors.tolist(), strict=True))
    assert found == {"cat": [1, 2], "dog": [3, 4]}
    with pytest.raises(DataError, match="none of its words"):
        vectors_of_words(str(path), ["zebra"])
