"""BLEU against sacrebleu."""

import numpy as np
import pytest
import sacrebleu

from elman.statistical.phrase_based.bleu import bleu, bleu_counts


def corpus(seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """References, and what becomes of them when words are changed, dropped or doubled."""
    generator = np.random.default_rng(seed)
    references = [generator.choice(list("abcdefg"), generator.integers(1, 15)) for _ in range(50)]
    candidates = []
    for reference in references:
        times = generator.choice([0, 1, 1, 1, 1, 1, 2], len(reference))
        changed = np.where(generator.random(len(reference)) < 0.1, "x", reference)
        candidates.append(np.repeat(changed, times).tolist())
    return candidates, [reference.tolist() for reference in references]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_sacrebleu(seed):
    candidates, references = corpus(seed)
    total = sum(map(bleu_counts, candidates, references))
    theirs = sacrebleu.corpus_bleu(
        list(map(" ".join, candidates)),
        [list(map(" ".join, references))],
        tokenize="none",
        smooth_method="none",
    )
    assert 20 < theirs.score < 100
    assert total[:4].tolist() == theirs.counts
    assert total[4:8].tolist() == theirs.totals
    assert float(bleu(total)) == pytest.approx(theirs.score, rel=1e-9)


def test_no_match_is_zero_and_the_reference_a_hundred():
    some = list("abcde")
    assert float(bleu(bleu_counts(list("xyz"), some))) == 0
    assert float(bleu(bleu_counts([], some))) == 0
    assert float(bleu(bleu_counts(some, some))) == pytest.approx(100)
