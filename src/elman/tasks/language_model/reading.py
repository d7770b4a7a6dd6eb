"""From raw text files to tokens on disk."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from elman.data import Corpus, Tokenizer, lines_of, train_word2vec
from elman.files import written_atomically
from elman.tasks.language_model.config import LanguageModelConfig
from elman.tasks.language_model.data import LanguageModelData
from elman.tasks.task import Batching, Sources
from elman.tasks.word_vectors import read_fitting_vectors, with_random_rest


class PreparedText(NamedTuple):
    """Text ready to learn from.

    Args:
        data: training and held-out text.
        vectors: start of the learned token vectors, if the settings ask for one.
    """

    data: LanguageModelData
    vectors: Float[Tensor, "vocab embed"] | None


def read_text(
    config: LanguageModelConfig, folder: Path, sources: Sources, batching: Batching
) -> PreparedText:
    """Tokenise text into the run folder, or find it there from before.

    Args:
        config: the settings.
        folder: the run folder.
        sources: text files; `-` is standard input.
        batching: how tokens become batches.

    Returns:
        The data, and the start of the token vectors.

    Raises:
        DataError: if a file cannot be read, or has too little text.
        ConfigError: if the text does not allow the vocabulary size, or vectors have another size.
    """
    stems = folder / "corpus"
    files = [_stored(name, stems) for name in sources.train]
    saved = folder / "tokenizer.json"
    if saved.exists():
        tokenizer = Tokenizer.load(saved)
    else:
        tokenizer = Tokenizer.train(lines_of(files), config.unit, config.vocabulary_size)
        tokenizer.save(saved)
    train = _tokenised(files, tokenizer, stems / "train")
    if sources.valid is None:
        train, valid = train.split()
    else:
        valid = _tokenised([sources.valid], tokenizer, stems / "valid")
    data = LanguageModelData(
        train,
        valid,
        tokenizer,
        batch_size=batching.batch_size,
        unroll=batching.unroll,
        lines=not batching.carried,
        seed=batching.seed,
    )
    return PreparedText(data, _vectors(config, files, tokenizer, batching.seed))


class _Lines:
    """The lines of files, as often as asked for."""

    def __init__(self, files: list[str]) -> None:
        self.files = files

    def __iter__(self) -> Iterator[str]:
        return lines_of(self.files)


def _stored(name: str, folder: Path) -> str:
    """Keep standard input on disk, for it is read more than once."""
    if name != "-":
        return name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "stdin.txt"
    if not path.exists():
        with written_atomically(path) as temporary, temporary.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
    return str(path)


def _tokenised(files: list[str], tokenizer: Tokenizer, stem: Path) -> Corpus:
    if stem.with_suffix(".json").exists():
        return Corpus.open(stem)
    return Corpus.build(files, tokenizer, stem)


def _vectors(
    config: LanguageModelConfig, files: list[str], tokenizer: Tokenizer, seed: int
) -> Tensor | None:
    """Read or train token vectors; tokens without one keep a small random start."""
    if config.vectors is None:
        return None
    if config.vectors == "word2vec":
        found, known = train_word2vec(_Lines(files), config.embedding_size, seed, tokenizer)
    else:
        found, known = read_fitting_vectors(config.vectors, tokenizer, config.embedding_size)
    return with_random_rest(found, known)
