"""Word vectors from a file that a person names."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from elman.data import Tokenizer, read_vectors
from elman.errors import ConfigError
from elman.tasks.task import WordVectors


def read_fitting_vectors(
    path: str, tokenizer: Tokenizer, embedding_size: int
) -> tuple[Float[np.ndarray, "vocab embed"], Bool[np.ndarray, " vocab"]]:
    """Read vectors of the size that the settings ask for.

    Args:
        path: the file; see `read_vectors`.
        tokenizer: its tokens are looked up.
        embedding_size: numbers in each vector.

    Returns:
        The vectors by token, and which tokens have one.

    Raises:
        DataError: if the file cannot be used.
        ConfigError: if its vectors are of another size.
    """
    found, known = read_vectors(path, tokenizer)
    if found.shape[1] != embedding_size:
        raise ConfigError(
            f"{path} holds vectors of {found.shape[1]} numbers: "
            f"give --embedding-size {found.shape[1]}."
        )
    return found, known


def with_random_rest(
    found: Float[np.ndarray, "vocab embed"], known: Bool[np.ndarray, " vocab"]
) -> Float[Tensor, "vocab embed"]:
    """Give tokens without a vector a random one of the same spread as the others.

    Args:
        found: the vectors by token.
        known: which tokens have one.

    Returns:
        Vectors of all tokens, drawn from torch's generator where there was none.
    """
    vectors, unknown = torch.from_numpy(found), ~torch.from_numpy(known)
    spread = vectors[~unknown].std()
    vectors[unknown] = torch.randn(int(unknown.sum()), vectors.shape[1]) * spread
    return vectors


def start_vectors(embedding: nn.Embedding, path: str, places: Mapping[str, int]) -> None:
    """Start the vectors of words that a file has from there; the others keep theirs.

    Args:
        embedding: the vectors.
        path: the file; see `read_vectors`.
        places: the row of each word.

    Raises:
        DataError: if the file cannot be used.
        ConfigError: if its vectors are of another size.
    """
    tokenizer = Tokenizer.train([" ".join(places)], "word", None)
    found, known = read_fitting_vectors(path, tokenizer, embedding.embedding_dim)
    with torch.no_grad():
        for row in known.nonzero()[0].tolist():
            if (place := places.get(tokenizer.token(row))) is not None:
                embedding.weight[place] = torch.from_numpy(found[row])


def vectors_of_words(path: str, words: Iterable[str]) -> WordVectors:
    """Read the vectors of some words.

    Args:
        path: the file; see `read_vectors`.
        words: the words to look up.

    Returns:
        Those that the file has, and their vectors.

    Raises:
        DataError: if the file cannot be used, or has none of the words.
    """
    tokenizer = Tokenizer.train([" ".join(words)], "word")
    found, known = read_vectors(path, tokenizer)
    kept = [tokenizer.token(id) for id in known.nonzero()[0].tolist()]
    return WordVectors(kept, torch.from_numpy(found[known]))
