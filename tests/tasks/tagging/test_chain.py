"""The chain that answers many sentences at a time, against the algorithms of one sentence."""

import numpy as np
import torch

from elman.data.tag_schemes import may_follow
from elman.statistical.hmm_tagger import HMMTagger
from elman.tasks.tagging.hidden_markov import HiddenMarkovTagger

WORDS = [["Peter", "left", "."], ["unknown", "words", "rejects", "German", "Delft"]]


def test_without_a_scheme_it_is_the_hidden_markov_model(make_task):
    task = make_task("hmm")
    task.model = HiddenMarkovTagger(task.model.counts, None)
    alone = HMMTagger(task.model.counts)
    for words, answer in zip(WORDS, task.answer(WORDS, probabilities=True), strict=True):
        np.testing.assert_array_equal(answer.tags, alone.tag(words))
        np.testing.assert_allclose(answer.probabilities, alone.posteriors(words).states, atol=1e-9)
        expected = alone.log_probability(words, answer.tags.tolist())
        np.testing.assert_allclose(answer.log_probabilities[0], expected)


def test_tags_follow_their_scheme(make_task):
    task = make_task("hmm")
    names = list(task.vocabulary.tags)
    for answer in task.answer(WORDS, paths=5):
        for path in answer.paths[answer.log_probabilities > -1e3]:
            tags = ["O", *(names[number] for number in path), "O"]
            assert all(map(may_follow, tags, tags[1:]))


def test_it_comes_back_from_its_arrays(make_task):
    task = make_task("hmm")
    known = task.vocabulary
    again = HiddenMarkovTagger.from_arrays(task.arrays(), known.words, known.allowed())
    assert torch.equal(again.look_up(WORDS[0]), task.model.look_up(WORDS[0]))
