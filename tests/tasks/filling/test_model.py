"""The network: neither side reads the word it fills, and both read all others."""

import numpy as np
import pytest
import torch

from elman.nn import AdaptiveSoftmax
from elman.tasks.filling import FillingConfig, FillingModel, SentenceInputs, join_sentences

VOCABULARY, UNKNOWN, BOUNDARY = 12, 1, 0
WORDS = np.array([3, 5, 2, 7, 4, 9])


def build(**settings):
    torch.manual_seed(1)
    config = FillingConfig(**{"hidden_size": 6, "embedding_size": 5, **settings})
    return FillingModel(config, VOCABULARY, UNKNOWN).double().eval()


def features(model, words):
    with torch.no_grad():
        found, _ = model(join_sentences([words], BOUNDARY).inputs)
    return found[:, 0]


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", ["lstm", "gru", "elman", "clockwork", "min-gru"])
def test_every_word_but_the_missing_one_is_seen(cell, layers):
    model = build(cell=cell, num_layers=layers)
    before = features(model, WORDS)
    for changed in range(len(WORDS)):
        other = WORDS.copy()
        other[changed] = 10
        moved = (features(model, other) != before).any(dim=1)
        assert moved.tolist() == [place != changed for place in range(len(WORDS))]


def test_the_left_side_alone_sees_only_what_came_before():
    model = build(sides="left", num_layers=2)
    before = features(model, WORDS)
    other = WORDS.copy()
    other[2] = 10
    assert (features(model, other) != before).any(dim=1).tolist() == [0, 0, 0, 1, 1, 1]


def test_what_fills_a_row_changes_nothing():
    model = build(num_layers=2)
    short = WORDS[:2]
    batch = join_sentences([short, WORDS], BOUNDARY)
    with torch.no_grad():
        together, _ = model(batch.inputs)
        elsewhere = batch.inputs.ids.clone()
        elsewhere[4:, 0] = 11
        same, _ = model(SentenceInputs(elsewhere, batch.lengths))
    assert torch.allclose(together[:2, 0], features(model, short), atol=1e-12)
    assert torch.allclose(together[:, 1], features(model, WORDS), atol=1e-12)
    assert torch.equal(same[:2, 0], together[:2, 0])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def run_lstm(cell, vectors):
    """The hidden states of an LSTM after none, one, two, ... vectors, by its equations."""
    weights = {name: value.detach().numpy() for name, value in cell.named_parameters()}
    (w_in, w_hidden) = (weights[n] for n in weights if weights[n].ndim == 2)
    bias = sum(value for value in weights.values() if value.ndim == 1)
    hidden = memory = np.zeros(w_hidden.shape[1])
    states = [hidden]
    for vector in vectors:
        i, f, g, o = np.split(w_in @ vector + w_hidden @ hidden + bias, 4)
        memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(memory)
        states.append(hidden)
    return states


@pytest.mark.parametrize("tie", [False, True])
def test_probabilities_agree_with_the_equations(tie):
    model = build(tie=tie)
    table = model.embedding.weight.detach().numpy()
    ids = [BOUNDARY, *WORDS, BOUNDARY]
    to_right = run_lstm(model.forward_net.cells[0], table[ids])
    to_left = run_lstm(model.backward_net.cells[0], table[ids[::-1]])
    join, bias = (p.detach().numpy() for p in (model.join.weight, model.join.bias))
    out, out_bias = (p.detach().numpy() for p in (model.softmax.weight, model.softmax.bias))
    losses = []
    for t in range(1, len(ids) - 1):
        around = np.concatenate([to_right[t], to_left[len(ids) - 1 - t]])
        scores = out @ np.tanh(join @ around + bias) + out_bias
        losses.append(np.log(np.exp(scores).sum()) - scores[ids[t]])
    batch = join_sentences([WORDS], BOUNDARY)
    found = model.criterion(model(batch.inputs)[0], batch.targets, batch.lengths)
    assert found.item() == pytest.approx(np.mean(losses), abs=1e-12)
    assert (model.softmax.weight is model.embedding.weight) == tie


def test_the_loss_is_the_mean_over_words():
    model = build(softmax="adaptive")
    assert isinstance(model.softmax, AdaptiveSoftmax)
    sentences = [WORDS, WORDS[:2], WORDS[3:4]]
    batch = join_sentences(sentences, BOUNDARY)
    loss = model.criterion(model(batch.inputs)[0], batch.targets, batch.lengths)
    log_probs = [
        model.softmax.log_probs(features(model, words))[np.arange(len(words)), words]
        for words in sentences
    ]
    assert loss.item() == pytest.approx(-torch.cat(log_probs).mean().item())
    assert batch.target_count == 9


def test_dropped_words_are_taken_for_unknown_in_training_only():
    model = build(word_dropout=0.999999)
    model.train()
    others = np.full(6, UNKNOWN)
    inputs = join_sentences([WORDS], UNKNOWN).inputs
    assert torch.equal(model(inputs)[0], model.eval()(join_sentences([others], UNKNOWN).inputs)[0])
    assert not torch.equal(model(inputs)[0][:, 0], features(model, others))
