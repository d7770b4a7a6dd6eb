"""The attention network against its equations, written out in float64."""

import numpy as np
import pytest
import torch

from elman.data.babi import words_of
from elman.tasks.answering import make_batch
from elman.tasks.answering.attention import AttentionNetwork
from elman.tasks.answering.reading import encode_questions

SIZE, HOPS = 6, 2


@pytest.fixture
def network(make_task):
    return make_task(cell="elman", most_sentences=4).model.double()


def position_weights(length):
    return np.array(
        [
            [(1 - j / length) - (d / SIZE) * (1 - 2 * j / length) for d in range(1, SIZE + 1)]
            for j in range(1, length + 1)
        ]
    )


class Equations:
    """What the docstring of the network says, for one question."""

    def __init__(self, network, vocabulary):
        self.w = {name: value.numpy() for name, value in network.state_dict().items()}
        self.vocabulary = vocabulary

    def encoded(self, text, k):
        vectors = self.w["embedding.weight"][:, k * SIZE : (k + 1) * SIZE]
        words = [vectors[self.vocabulary.words[word]] for word in words_of(text)]
        return (position_weights(len(words)) * words).sum(axis=0)

    def states(self, inputs, direction):
        name = f"story_rnn.layers.0.{direction}"
        W, b = self.w[f"{name}.input_map.weight"], self.w[f"{name}.input_map.bias"]
        U = self.w[f"{name}.recurrent_map.weight"]
        h, found = np.zeros(len(b)), []
        for x in inputs:
            h = np.tanh(W @ x + b + U @ h)
            found.append(h)
        return found

    def answer(self, sentences, question):
        inputs = [self.encoded(sentence, 0) for sentence in sentences]
        backward = self.states(inputs[::-1], 1)[::-1]
        h = [np.concatenate(pair) for pair in zip(self.states(inputs, 0), backward, strict=True)]

        def memories(k):
            part = slice(k * SIZE, (k + 1) * SIZE)
            return [
                self.encoded(sentence, k)
                + self.w["times"][len(sentences) - 1 - i, part]
                + self.w["story_map.weight"][part] @ h[i]
                for i, sentence in enumerate(sentences)
            ]

        u0 = u = self.encoded(question, 0)
        looks = []
        for k in range(HOPS):
            scores = np.exp([u @ m for m in memories(k)])
            p = scores / scores.sum()
            u = u + sum(share * m for share, m in zip(p, memories(k + 1), strict=True))
            looks.append(p)
        V, c = self.w["hidden_map.weight"], self.w["hidden_map.bias"]
        hidden = np.maximum(0, V @ np.concatenate([u, u0]) + c)
        return self.w["output_map.weight"] @ hidden + self.w["output_map.bias"], looks


def test_answers_follow_the_equations(network, vocabulary, stories):
    questions = encode_questions(vocabulary, stories, 4)
    with torch.no_grad():
        logits, attention = network.answer(make_batch(questions).inputs)
    equations = Equations(network, vocabulary)
    asked = [(story, question) for story in stories for question in story.questions]
    for row, (story, question) in enumerate(asked):
        expected, looks = equations.answer(story.sentences[: question.seen], question.text)
        np.testing.assert_allclose(logits[row], expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(attention[:, : question.seen, row], looks, rtol=1e-9, atol=1e-9)
        assert (attention[:, question.seen :, row] == 0).all()


def test_only_the_last_sentences_are_read(network, vocabulary, stories):
    questions = encode_questions(vocabulary, stories, 2)
    with torch.no_grad():
        logits, _ = network.answer(make_batch(questions).inputs)
    expected, _ = Equations(network, vocabulary).answer(
        stories[0].sentences[1:], stories[0].questions[1].text
    )
    np.testing.assert_allclose(logits[1], expected, rtol=1e-9, atol=1e-9)


def test_before_learning_the_recurrent_network_says_nothing(make_task, vocabulary, stories):
    fresh = AttentionNetwork(make_task().config, vocabulary).eval()
    inputs = make_batch(encode_questions(vocabulary, stories, 50)).inputs
    before, _ = fresh.answer(inputs)
    for weight in fresh.story_rnn.parameters():
        torch.nn.init.normal_(weight)
    assert torch.equal(fresh.answer(inputs)[0], before)


def test_in_training_time_jumps(network):
    mask = torch.ones(3, 20_000, dtype=torch.bool)
    mask[2, 0] = False
    network.gaps = 0.25
    ages = network._ages(mask)
    assert (network.eval()._ages(mask)[:, :2] == torch.tensor([[1, 2], [0, 1], [0, 0]])).all()
    network.train()
    ages = network._ages(mask)[:, 1:].double()
    assert (ages.diff(dim=0) <= -1).logical_or(ages[:-1] == 3).all()  # 4 times are known
    assert ages.max() == 3
    torch.testing.assert_close((ages[2] == 1).double().mean(), torch.tensor(0.25).double(),
                               atol=0.02, rtol=0)  # fmt: skip


def test_every_weight_learns(network, vocabulary, stories):
    batch = make_batch(encode_questions(vocabulary, stories, 4))
    network.train()
    logits, _ = network(batch.inputs)
    network.criterion(logits, batch.targets).backward()
    for name, weight in network.named_parameters():
        assert weight.grad.abs().max() > 0, name
    assert (network.embedding.weight.grad[0] == 0).all()  # padding
