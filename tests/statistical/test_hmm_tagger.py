import numpy as np
import pytest

from elman.data.conll import read_sentences
from elman.statistical.hmm_tagger import HMMTagger, count_tags

# Tags: 0 determiner, 1 noun, 2 verb.
CORPUS = [
    (["the", "cat", "runs"], [0, 1, 2]),
    (["a", "dog", "walks"], [0, 1, 2]),
    (["dogs", "walk"], [1, 2]),
    (["the", "walk", "ends"], [0, 1, 2]),
]


def test_counts_are_those_of_the_sentences():
    counts = count_tags(CORPUS, 3)
    assert counts.starts.tolist() == [3, 1, 0]
    assert counts.pairs.tolist() == [[0, 3, 0], [0, 0, 4], [0, 0, 0]]
    assert counts.words["walk"].tolist() == [0, 1, 1]
    tagger = HMMTagger(counts)
    assert tagger.tags.tolist() == [3, 4, 4]
    assert tagger.suffixes["cs"].tolist() == [0, 1, 3]
    assert tagger.suffixes["c"].tolist() == [3, 4, 4]


def test_the_deleted_interpolation_is_that_of_each_pair_left_out():
    counts = count_tags(CORPUS, 3)
    tagger = HMMTagger(counts)
    bigram = unigram = 0
    for before, after in zip(*np.nonzero(counts.pairs), strict=True):
        pair, first = counts.pairs[before, after], counts.pairs[before].sum()
        by_pair = (pair - 1) / (first - 1)
        by_tag = (tagger.tags[after] - 1) / (tagger.tags.sum() - 1)
        if by_pair > by_tag:
            bigram += pair
        else:
            unigram += pair
    weight = (bigram + 1) / (bigram + unigram + 2)
    expected = weight * 1.0 + (1 - weight) * 4 / 11
    assert np.exp(tagger.transitions[0, 1]) == pytest.approx(expected)


def test_known_words_score_by_their_counts_and_context_decides():
    tagger = HMMTagger(count_tags(CORPUS, 3))
    np.testing.assert_allclose(np.exp(tagger.scores(["walk"]))[0, 1:], [0.25, 0.25])
    assert tagger.tag(["the", "walk", "walks"]).tolist() == [0, 1, 2]
    assert tagger.tag(["dogs", "walk"]).tolist() == [1, 2]


def test_unknown_words_score_by_their_suffix():
    tagger = HMMTagger(count_tags(CORPUS, 3))
    prior, spread = np.array([3, 4, 4]) / 11, np.std([3 / 11, 4 / 11, 4 / 11], ddof=1)
    share = (prior + spread * prior) / (1 + spread)  # of the empty suffix
    share = (np.array([0, 1, 3]) / 4 + spread * share) / (1 + spread)
    np.testing.assert_allclose(np.exp(tagger.scores(["jumpXs"]))[0], share / prior, rtol=1e-9)
    # Of capitalised words nothing was seen.
    np.testing.assert_allclose(tagger.scores(["Xs"])[0], 0.0, atol=1e-12)


def test_posteriors_are_probabilities():
    found = HMMTagger(count_tags(CORPUS, 3)).posteriors(["the", "bird", "walks"])
    np.testing.assert_allclose(found.states.sum(axis=1), 1.0)
    assert found.states.argmax(axis=1).tolist() == [0, 1, 2]


def test_nothing_to_count_is_refused():
    with pytest.raises(ValueError, match="at least one tagged word"):
        count_tags([], 3)


def test_parts_of_speech_of_real_text(data_folder):
    corpora = [
        list(read_sentences(data_folder / "ud_english_ewt" / f"en_ewt-ud-{part}.conllu", "upos"))
        for part in ("train", "dev")
    ]
    names = sorted({tag for sentence in corpora[0] for tag in sentence.tags})
    train, dev = (
        [(s.words, [names.index(tag) for tag in s.tags]) for s in corpus] for corpus in corpora
    )
    tagger = HMMTagger(count_tags(train, len(names)))
    right = [
        own == tag
        for words, tags in dev[:400]
        for own, tag in zip(tagger.tag(words), tags, strict=True)
    ]
    assert np.mean(right) > 0.9
