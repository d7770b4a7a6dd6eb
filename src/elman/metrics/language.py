"""How well a language model predicts a text."""

import math
import sys
from typing import TypedDict

LARGEST_EXPONENT = math.log(sys.float_info.max)


class LanguageModelSummary(TypedDict):
    """The quality of a language model on a text.

    Args:
        tokens: tokens predicted.
        loss: mean negative log-likelihood, nats per token.
        perplexity: exp(loss); inf where that is beyond the floating-point range.
        bits_per_token: loss / ln 2.
        bits_per_character: total negative log-likelihood in bits over the raw characters.
    """

    tokens: int
    loss: float
    perplexity: float
    bits_per_token: float
    bits_per_character: float


def language_model_summary(
    negative_log_likelihood: float, tokens: int, characters: int
) -> LanguageModelSummary:
    """Express a total negative log-likelihood in every unit that papers use.

    Args:
        negative_log_likelihood: total over all tokens, in nats.
        tokens: tokens predicted, at least 1.
        characters: raw characters of the text, newlines included, at least 1.

    Returns:
        The summary, ready to be printed as JSON.

    Raises:
        ValueError: if there is no token or no character.
    """
    if tokens < 1 or characters < 1:
        raise ValueError(
            f"A summary needs at least one token and one character, got {tokens} tokens and "
            f"{characters} characters."
        )
    loss = negative_log_likelihood / tokens
    return LanguageModelSummary(
        tokens=tokens,
        loss=loss,
        perplexity=perplexity(loss),
        bits_per_token=loss / math.log(2),
        bits_per_character=negative_log_likelihood / math.log(2) / characters,
    )


def perplexity(loss: float) -> float:
    """Turn a mean loss into a perplexity.

    Args:
        loss: mean negative log-likelihood, nats per token.

    Returns:
        exp(loss), inf where that is beyond the floating-point range.
    """
    return math.inf if loss > LARGEST_EXPONENT else math.exp(loss)
