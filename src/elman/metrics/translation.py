"""How good translations and pronunciations are."""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import NamedTuple, TypedDict

from elman.errors import MissingExtraError


class TranslationSummary(TypedDict):
    """What `elman evaluate` tells about translations, from 0 to 100.

    Args:
        sentences: sentences measured.
        bleu: of the text as it is.
        bleu_lowercase: without regard to case.
        chrf: of the characters, as it is.
    """

    sentences: int
    bleu: float
    bleu_lowercase: float
    chrf: float


class PronunciationSummary(TypedDict):
    """What `elman evaluate` tells about pronunciations.

    Args:
        words: distinct words measured.
        word_error: share of them whose answer is none of the references.
        phoneme_error: edits to the nearest references by their summed length.
    """

    words: int
    word_error: float
    phoneme_error: float


class Pronunciation(NamedTuple):
    """An answer, and what it could have been.

    Args:
        found: its phonemes.
        references: the phonemes of each right answer, at least one.
    """

    found: Sequence[str]
    references: Sequence[Sequence[str]]


def require_translation_measures() -> None:
    """Refuse to begin what cannot be measured.

    Raises:
        MissingExtraError: if sacrebleu is not installed.
    """
    if find_spec("sacrebleu") is None:
        raise MissingExtraError("sacrebleu", "translate", "to measure translations")


def translation_summary(found: Sequence[str], references: Sequence[str]) -> TranslationSummary:
    """Compare translations with one reference each.

    Args:
        found: raw text, a line each.
        references: raw text, as many lines.

    Returns:
        BLEU with sacrebleu's own tokens (13a), and chrF.

    Raises:
        MissingExtraError: if sacrebleu is not installed.

    Reference:
        Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine translation";
        Post 2018, "A call for clarity in reporting BLEU scores"; Popović 2015, "chrF: character
        n-gram F-score for automatic MT evaluation".
    """
    require_translation_measures()
    from sacrebleu import corpus_bleu, corpus_chrf

    return TranslationSummary(
        sentences=len(found),
        # Forced, for raw text that looks like tokens is still raw text.
        bleu=corpus_bleu(found, [references], force=True).score,
        bleu_lowercase=corpus_bleu(found, [references], force=True, lowercase=True).score,
        chrf=corpus_chrf(found, [references]).score,
    )


def pronunciation_summary(answers: Iterable[Pronunciation]) -> PronunciationSummary:
    """Compare pronunciations with one or several references each.

    Args:
        answers: the pronunciations, at least one.

    Returns:
        Shares of wrong words and phonemes; of references equally near the first counts.

    Reference:
        Bisani & Ney 2008, "Joint-sequence models for grapheme-to-phoneme conversion", section 4.
    """
    words = wrong = edits = phonemes = 0
    for found, references in answers:
        distances = [edit_distance(found, reference) for reference in references]
        least = min(distances)
        words += 1
        wrong += least > 0
        edits += least
        phonemes += len(references[distances.index(least)])
    return PronunciationSummary(
        words=words, word_error=wrong / words, phoneme_error=edits / phonemes
    )


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Count the least insertions, deletions and replacements that make one the other.

    Args:
        first: tokens.
        second: tokens.

    Returns:
        The count.

    Reference:
        Wagner & Fischer 1974, "The string-to-string correction problem".
    """
    row = list(range(len(second) + 1))
    for i, left in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]
