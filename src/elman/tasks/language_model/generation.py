"""New text from a language model."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, Integer
from torch import Tensor

from elman.data import Tokenizer
from elman.decoding import Hypothesis, Sampler, beam_search, sample
from elman.state import select
from elman.tasks.language_model.model import LanguageModel


def generate_stream(
    model: LanguageModel,
    tokenizer: Tokenizer,
    *,
    prompt: str,
    length: int,
    sampler: Sampler,
    seed: int,
    device: torch.device,
) -> Iterator[str]:
    """Generate one text, piece by piece as it is made.

    Args:
        model: the model.
        tokenizer: its tokeniser.
        prompt: the text to go on from; may be empty.
        length: tokens to generate.
        sampler: how tokens are drawn.
        seed: of the noise.
        device: where the model is.

    Yields:
        The prompt, then pieces of text; joined they are what `generate_texts` returns.

    Raises:
        DataError: if the prompt has a character the tokeniser does not know.
    """
    stream = tokenizer.decode_stream()
    prompt_ids = tokenizer.encode(prompt)
    yield "".join(stream.feed(int(id)) for id in prompt_ids)
    tokens = _continuations(model, tokenizer, prompt_ids, length, sampler, seed, 1, device)
    for token in tokens:
        yield stream.feed(int(token))
    yield stream.finish()


def generate_texts(
    model: LanguageModel,
    tokenizer: Tokenizer,
    *,
    prompt: str,
    length: int,
    sampler: Sampler,
    seed: int,
    count: int,
    device: torch.device,
) -> list[str]:
    """Generate several texts side by side.

    Args:
        model: the model.
        tokenizer: its tokeniser.
        prompt: the text each goes on from; may be empty.
        length: tokens to generate.
        sampler: how tokens are drawn.
        seed: of the noise.
        count: texts, at least 1.
        device: where the model is.

    Returns:
        The texts, each with the prompt.

    Raises:
        DataError: if the prompt has a character the tokeniser does not know.
    """
    prompt_ids = tokenizer.encode(prompt)
    tokens = list(
        _continuations(model, tokenizer, prompt_ids, length, sampler, seed, count, device)
    )
    rows = torch.stack(tokens, dim=1).tolist()
    return [tokenizer.decode([*prompt_ids.tolist(), *row]) for row in rows]


def most_probable_texts(
    model: LanguageModel,
    tokenizer: Tokenizer,
    *,
    prompt: str,
    length: int,
    width: int,
    device: torch.device,
) -> list[tuple[str, Hypothesis]]:
    """Search for the most probable continuations with a beam.

    Args:
        model: the model.
        tokenizer: its tokeniser.
        prompt: the text to go on from; may be empty.
        length: tokens of each continuation.
        width: beams.
        device: where the model is.

    Returns:
        Texts, each with the prompt, and their hypotheses, best first.

    Raises:
        DataError: if the prompt has a character the tokeniser does not know.
    """
    prompt_ids = tokenizer.encode(prompt)
    with torch.inference_mode():
        first, state = _read_prompt(model, tokenizer, prompt_ids, 1, device)
        (found,) = beam_search(model.stream(), state, first, width=width, length=length, end=None)
    return [(tokenizer.decode([*prompt_ids.tolist(), *h.tokens]), h) for h in found]


def _continuations(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt_ids: Integer[np.ndarray, " time"],
    length: int,
    sampler: Sampler,
    seed: int,
    count: int,
    device: torch.device,
) -> Iterator[Int[Tensor, " batch"]]:
    first, state = _read_prompt(model, tokenizer, prompt_ids, count, device)
    generator = torch.Generator(device).manual_seed(seed)
    yield from sample(model.stream(), state, first, length, sampler, generator)


def _read_prompt(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt_ids: Integer[np.ndarray, " time"],
    count: int,
    device: torch.device,
) -> tuple[Int[Tensor, " batch"], Any]:
    """Read all but the last token of boundary and prompt; that one is left to be read first."""
    tokens = torch.tensor([[tokenizer.boundary], *([int(id)] for id in prompt_ids)], device=device)
    with torch.no_grad():
        state = model.initial_state(1)
        if len(tokens) > 1:
            _, state = model.target_log_probs(tokens[:-1], tokens[1:], state)
    rows = torch.zeros(count, dtype=torch.long, device=device)
    return tokens[-1].expand(count), select(state, rows)
