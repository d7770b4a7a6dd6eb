"""`elman inspect --similar`: the words that are most alike to a word."""

from collections.abc import Sequence
from typing import Literal

from elman.cli.output import print_json, print_table

NEIGHBOURS = 10


def show_similar(
    run: str, words: Sequence[str], device: Literal["auto", "cpu", "cuda"], *, json: bool
) -> None:
    """Print the nearest words of each word by the cosine of their vectors.

    Args:
        run: the run folder.
        words: the words to ask about.
        device: where to compute.
        json: print an object a word; else one table.

    Raises:
        ConfigError: if the run has no vectors of words.
        DataError: if a word has none.
    """
    from elman.tasks.similar_words import SimilarWords
    from elman.training.load import load

    known = SimilarWords(load(run, device).word_vectors())
    found = {word: known.nearest(word, NEIGHBOURS) for word in words}
    if not json:
        rows = [(word, *pair) for word, pairs in found.items() for pair in pairs]
        print_table(["word", "similar", "cosine"], rows)
        return
    for word, pairs in found.items():
        similar = [{"word": other, "cosine": cosine} for other, cosine in pairs]
        print_json({"word": word, "similar": similar})
