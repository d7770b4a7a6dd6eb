"""How likely texts are: single texts from a fresh start, and files as one stream."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypedDict

import numpy as np
import torch
from jaxtyping import Float, Int, Integer

from elman.data import Corpus, StreamBatches, Tokenizer, length_buckets
from elman.metrics import LanguageModelSummary, language_model_summary, perplexity
from elman.tasks.language_model.model import LanguageModel

CHUNK = 1024
"""Steps of a stream read at a time; bounds the memory, changes no number."""
TOKENS_AT_ONCE = 8192
"""Steps times texts scored together."""


class TokenScore(TypedDict):
    """One token and its log-probability in nats."""

    token: str
    log_probability: float


class TextScore(TypedDict):
    """How likely one text is.

    Args:
        text: the text.
        tokens: tokens scored.
        log_probability: of the whole text, in nats.
        perplexity: exp of the mean negative log-probability a token; None without tokens.
    """

    text: str
    tokens: int
    log_probability: float
    perplexity: float | None


def score_texts(
    model: LanguageModel, tokenizer: Tokenizer, texts: Sequence[str], device: torch.device
) -> list[tuple[TextScore, list[TokenScore]]]:
    """Score texts, each from a fresh start, batched by length.

    Args:
        model: the model.
        tokenizer: its tokeniser.
        texts: the texts; with words as units each is a sentence, and its end is scored too.
        device: where the model is.

    Returns:
        For each text, in order, its score and the scores of its tokens.

    Raises:
        DataError: if a text has a character the tokeniser does not know.
    """
    sequences = [_with_end(tokenizer, text) for text in texts]
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    results: list[Float[np.ndarray, " time"]] = [np.zeros(0)] * len(texts)
    scored = np.flatnonzero(lengths)
    for bucket in length_buckets(lengths[scored], TOKENS_AT_ONCE):
        rows = scored[bucket]
        padded = np.full((int(lengths[rows].max()) + 1, len(rows)), tokenizer.boundary)
        for column, row in enumerate(rows):
            padded[1 : lengths[row] + 1, column] = sequences[row]
        ids = torch.from_numpy(padded).to(device)
        with torch.inference_mode():
            state = model.initial_state(len(rows))
            log_probs, _ = model.target_log_probs(ids[:-1], ids[1:], state)
        columns = log_probs.double().cpu().numpy().T
        for row, column_scores in zip(rows, columns, strict=True):
            results[row] = column_scores[: lengths[row]]
    return [
        _score(tokenizer, text, sequence, log_probs)
        for text, sequence, log_probs in zip(texts, sequences, results, strict=True)
    ]


def stream_log_probs(
    model: LanguageModel, corpus: Corpus, tokenizer: Tokenizer, device: torch.device
) -> Iterator[Float[np.ndarray, " time"]]:
    """Read a corpus as one stream, the state carried, and score every token.

    Args:
        model: the model.
        corpus: the text.
        tokenizer: the tokeniser it was made with.
        device: where the model is.

    Yields:
        Log-probabilities in nats, chunk after chunk.
    """
    state = model.initial_state(1)
    for batch in StreamBatches(corpus.tokens, 1, CHUNK, tokenizer.boundary):
        with torch.inference_mode():
            log_probs, state = model.target_log_probs(
                batch.inputs.to(device), batch.targets.to(device), state
            )
        yield log_probs[:, 0].double().cpu().numpy()


def evaluate_stream(
    model: LanguageModel, corpus: Corpus, tokenizer: Tokenizer, device: torch.device
) -> LanguageModelSummary:
    """Measure a model on a corpus read as one stream.

    Args:
        model: the model.
        corpus: the text.
        tokenizer: the tokeniser it was made with.
        device: where the model is.

    Returns:
        Loss, perplexity and bits.
    """
    total = sum(float(chunk.sum()) for chunk in stream_log_probs(model, corpus, tokenizer, device))
    return language_model_summary(-total, len(corpus.tokens), corpus.characters)


def _with_end(tokenizer: Tokenizer, text: str) -> Integer[np.ndarray, " time"]:
    ids = tokenizer.encode(text)
    return np.append(ids, tokenizer.boundary) if tokenizer.unit == "word" else ids


def _score(
    tokenizer: Tokenizer,
    text: str,
    sequence: Integer[np.ndarray, " time"],
    log_probs: Float[np.ndarray, " time"],
) -> tuple[TextScore, list[TokenScore]]:
    total = float(log_probs.sum())
    tokens = [
        TokenScore(token=tokenizer.token(int(id)), log_probability=float(value))
        for id, value in zip(sequence, log_probs, strict=True)
    ]
    mean = perplexity(-total / len(sequence)) if len(sequence) else None
    return TextScore(
        text=text, tokens=len(sequence), log_probability=total, perplexity=mean
    ), tokens


class LineTotals(NamedTuple):
    """A text's loss line by line, the state carried from line to line.

    Args:
        losses: summed negative log-probability of each line, nats.
        tokens: tokens of each line.
        characters: raw characters of each line, its newline included.
    """

    losses: Float[np.ndarray, " lines"]
    tokens: Int[np.ndarray, " lines"]
    characters: Int[np.ndarray, " lines"]


def line_totals(
    model: LanguageModel, corpus: Corpus, tokenizer: Tokenizer, device: torch.device
) -> LineTotals:
    """Score a corpus as one stream and add up by lines.

    Args:
        model: the model.
        corpus: the text.
        tokenizer: the tokeniser it was made with.
        device: where the model is.

    Returns:
        The totals of every line.
    """
    log_probs = np.concatenate(list(stream_log_probs(model, corpus, tokenizer, device)))
    counts = np.diff(np.asarray(corpus.ends), axis=0, prepend=[corpus.start])
    starts = np.cumsum(counts[:, 0]) - counts[:, 0]
    return LineTotals(-np.add.reduceat(log_probs, starts), counts[:, 0], counts[:, 1])
