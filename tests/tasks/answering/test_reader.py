"""The network without attention: words in one row, and nothing of other rows or of padding."""

import pytest
import torch

from elman.tasks.answering import AnsweringConfig, make_batch
from elman.tasks.answering.build import build_network
from elman.tasks.answering.reader import join_words
from elman.tasks.answering.reading import encode_questions
from elman.tasks.answering.vocabulary import PADDING, UNKNOWN


def test_words_of_story_and_question_follow_one_another(vocabulary, stories):
    questions = encode_questions(vocabulary, stories, 2)
    rows = join_words(make_batch(questions).inputs).T.tolist()
    for row, question in zip(rows, questions, strict=True):
        words = [word for word in question.sentences.flatten().tolist() if word]
        words += question.words.tolist()
        assert row == words + [0] * (len(row) - len(words))
    assert any(row[-1] for row in rows)


def test_answers_are_those_of_torch(make_task, vocabulary, stories):
    network = make_task(model="rnn", cell="gru").model
    oracle = torch.nn.GRU(6, 5)
    cell = network.rnn.layers[0][0]
    weights = dict(oracle.named_parameters())
    ours = {"weight_ih_l0": cell.input_map.weight, "weight_hh_l0": cell.recurrent_map.weight}
    ours |= {"bias_ih_l0": cell.input_map.bias, "bias_hh_l0": cell.recurrent_map.bias}
    questions = encode_questions(vocabulary, stories, 50)
    with torch.no_grad():
        for name, value in ours.items():
            weights[name].copy_(value)
        together, attention = network.answer(make_batch(questions).inputs)
        assert attention is None
        for row, question in enumerate(questions):
            words = join_words(make_batch([question]).inputs)
            _, last = oracle(network.embedding(words))
            torch.testing.assert_close(together[row], network.output_map(last[0, 0]))


@pytest.mark.parametrize("model", ["attention", "rnn"])
def test_unknown_words_say_nothing_before_and_after_learning(vocabulary, stories, model):
    config = AnsweringConfig(model=model, hidden_size=5, embedding_size=6)
    network = build_network(config, vocabulary)
    batch = make_batch(encode_questions(vocabulary, stories, 50))
    network.criterion(network(batch.inputs)[0], batch.targets).backward()
    assert not network.embedding.weight[[PADDING, UNKNOWN]].any()
    assert network.embedding.weight[UNKNOWN + 1 :].all()
    assert not network.embedding.weight.grad[[PADDING, UNKNOWN]].any()
