"""What learned vectors say of the likeness of words."""

from collections.abc import Sequence

import numpy as np

from elman.data.word_similarity import ScoredPair
from elman.errors import DataError
from elman.metrics import SimilaritySummary, cosines, nearest, spearman
from elman.tasks.task import WordVectors


class SimilarWords:
    """Words compared by the cosine of their vectors.

    A word is looked up as it is written, then without capitals.

    Args:
        vectors: the words and their vectors.
    """

    def __init__(self, vectors: WordVectors) -> None:
        self.words = vectors.words
        self._vectors = vectors.vectors.detach().cpu().double().numpy()
        self._places = {word: place for place, word in enumerate(vectors.words)}

    def nearest(self, word: str, count: int) -> list[tuple[str, float]]:
        """Find the words that are most alike to one.

        Args:
            word: the word.
            count: how many are wanted.

        Returns:
            Other words and their cosines, the most alike first.

        Raises:
            DataError: if the word has no vector.
        """
        place = self._place(word)
        if place is None:
            raise DataError(f"{word!r} is not among the {len(self.words)} words with a vector.")
        places, found = nearest(self._vectors, place, count)
        return [(self.words[p], c) for p, c in zip(places, found.tolist(), strict=True)]

    def agreement(self, pairs: Sequence[ScoredPair]) -> SimilaritySummary:
        """Compare the likeness of words with what people say.

        Args:
            pairs: the words, and people's scores.

        Returns:
            The measures; pairs with a word that has no vector are counted and left out.

        Reference:
            Finkelstein et al. 2002, "Placing search in context: the concept revisited", section 5
            (rank correlation with people's scores).
        """
        both = [(self._place(first), self._place(second)) for first, second, _ in pairs]
        places = np.array([place for place in both if None not in place], dtype=np.int64)
        scores = [pair.score for pair, place in zip(pairs, both, strict=True) if None not in place]
        first, second = self._vectors[places.reshape(-1, 2).T]
        rho = spearman(cosines(first, second), np.array(scores))
        return SimilaritySummary(pairs=len(pairs), found=len(scores), spearman=rho)

    def _place(self, word: str) -> int | None:
        return self._places.get(word, self._places.get(word.lower()))
