"""Which tokens of a text a language model did not expect."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from elman.plots import surprisal
from elman.tasks.language_model.scoring import stream_log_probs
from elman.tasks.task import Finding

if TYPE_CHECKING:
    from elman.tasks.language_model.task import LanguageModelTask

TOKENS_SHOWN = 15
"""Rows of the table."""
CONTEXT = 30
"""Characters shown before each of them."""


def show_surprisal(
    task: "LanguageModelTask", file: str, folder: Path, characters: int = 400
) -> Finding:
    r"""Show how much each token of a text's beginning surprises a model.

    $$ s(w_t) = -\log_2 p(w_t \mid w_1 \ldots w_{t-1}) $$

    Args:
        task: the model.
        file: a text file, read as `evaluate` reads it.
        folder: where the picture is written.
        characters: how much of the text is shown.

    Returns:
        A picture of the text, and its most surprising tokens.

    Raises:
        DataError: if the file cannot be read.
    """
    ids, bits = measure_surprisal(task, file, characters)
    path = folder / "surprisal.png"
    separator = " " if task.config.unit == "word" else ""
    surprisal([_written(task, id) for id in ids], bits, path, gap=len(separator))
    names = [task.tokenizer.token(id) for id in ids]  # in which a line end takes no new line
    rows = [
        {
            "token": names[place],
            "bits": float(bits[place]),
            "after": separator.join(names[max(0, place - CONTEXT) : place])[-CONTEXT:],
        }
        for place in np.argsort(-bits, kind="stable")[:TOKENS_SHOWN].tolist()
    ]
    return Finding("surprisal", path, rows)


def measure_surprisal(
    task: "LanguageModelTask", file: str, characters: int
) -> tuple[list[int], Float[np.ndarray, " time"]]:
    """Measure the tokens at the beginning of a text.

    Args:
        task: the model.
        file: a text file.
        characters: how much of the text is measured; the token that reaches it is the last.

    Returns:
        The tokens, and their surprisal in bits.

    Raises:
        DataError: if the file cannot be read.
    """
    ids: list[int] = []
    bits: list[float] = []
    total = 0
    with task.reading(file) as corpus:
        chunks = stream_log_probs(task.model, corpus, task.tokenizer, task.device)
        log_probs = (value for chunk in chunks for value in chunk.tolist())
        for id, log_prob in zip(map(int, corpus.tokens), log_probs, strict=True):
            ids.append(id)
            bits.append(abs(log_prob) / math.log(2))
            total += len(_written(task, id))
            if total >= characters:
                break
    return ids, np.array(bits)


def _written(task: "LanguageModelTask", id: int) -> str:
    return task.tokenizer.decode([id]) or task.tokenizer.token(id)
