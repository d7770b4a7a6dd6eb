"""Networks against the same thing said in another way."""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from elman.tasks.classification import ClassifierInputs
from elman.tasks.classification.encoders import Standardised, resample


def inputs_of(rows):
    return ClassifierInputs(pad_sequence(rows), torch.tensor([len(row) for row in rows]))


@pytest.mark.parametrize("model", ["rnn", "mlp"])
@pytest.mark.parametrize("unit", ["word", "char", "number"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_rows_do_not_see_one_another(make_task, model, unit, pooling):
    task, data = make_task(model=model, unit=unit, pooling=pooling, num_layers=2)
    items = [item.steps for item in data.train]
    logits, _ = task.model.eval().read(inputs_of(items))
    for row, steps in enumerate(items):
        alone, _ = task.model.read(inputs_of([steps]))
        torch.testing.assert_close(alone[0], logits[row])


def test_words_have_the_mean_of_their_parts_added(make_task):
    task, data = make_task(subwords=True)
    embedded = task.model.eval().members[0].encoder.vectors
    words, parts = embedded.embedding.weight, embedded.parts.weight
    batch = data.batches(0)[0]
    vectors = embedded(batch.inputs.steps)
    seen = 0
    for place, length in enumerate(batch.inputs.lengths.tolist()):
        for step in range(length):
            word, *own = batch.inputs.steps[step, place].tolist()
            own = [part for part in own if part]
            wanted = words[word] + (parts[own].mean(dim=0) if own else 0)
            torch.testing.assert_close(vectors[step, place], wanted)
            seen += len(own)
    assert seen > 5


@pytest.mark.parametrize("cell", ["gru", "elman", "min-gru", "clockwork"])
def test_any_cell_reads(make_task, cell):
    task, data = make_task(cell=cell, hidden_size=8, bidirectional=False)
    batch = data.batches(0)[0]
    features, _ = task.model(batch.inputs)
    loss = task.model.criterion(features, batch.targets)
    loss.backward()
    assert loss.isfinite()


def test_the_bag_is_a_layer_over_counts(make_task):
    task, data = make_task(model="mlp", order=2)
    encoder = task.model.members[0].encoder
    rows = [item.steps for item in data.train]
    found = encoder(inputs_of(rows)).vectors.detach().numpy()
    weight, bias = encoder.hidden_map.weight.detach().numpy(), encoder.bias.detach().numpy()
    for vector, row in zip(found, rows, strict=True):
        counts = np.bincount(row.numpy(), minlength=len(weight))
        wanted = np.maximum(0, counts @ weight / np.sqrt(counts.sum()) + bias)
        np.testing.assert_allclose(vector, wanted, rtol=1e-5, atol=1e-6)


def test_unknown_n_grams_change_nothing(make_task):
    task, data = make_task(model="mlp")
    row = data.train[0].steps
    more = torch.cat([row, torch.tensor([1, 1, 0])])
    first, second = task.model.eval().read(inputs_of([row, more]))[0]
    torch.testing.assert_close(first, second)


def test_resampling_is_linear_interpolation():
    torch.manual_seed(1)
    rows = [torch.randn(length, 2, dtype=torch.float64) for length in (5, 1, 9)]
    found = resample(pad_sequence(rows), torch.tensor([5, 1, 9]), 7).numpy()
    for place, row in enumerate(rows):
        at = np.linspace(0, len(row) - 1, 7)
        wanted = [np.interp(at, np.arange(len(row)), row[:, i].numpy()) for i in range(2)]
        np.testing.assert_allclose(found[:, place], np.array(wanted).T, rtol=1e-12)


def test_resampling_to_as_many_steps_changes_nothing():
    values = torch.randn(6, 3, 2)
    torch.testing.assert_close(resample(values, torch.full((3,), 6), 6), values)
    assert (resample(values, torch.tensor([0, 6, 6]), 4)[:, 0] == 0).all()


def test_standardising_uses_the_training_data_and_leaves_constants_alone():
    steps = torch.tensor([[1.0, 7.0], [3.0, 7.0], [5.0, 7.0]])
    layer = Standardised(2)
    layer.fit(steps)
    found = layer(steps).numpy()
    np.testing.assert_allclose(found[:, 0], [-(1.5**0.5), 0, 1.5**0.5], rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], 0)


def test_word_dropout_only_acts_in_training(make_task):
    task, data = make_task(word_dropout=0.9)
    steps = torch.tile(data.train[0].steps.unsqueeze(1), (1, 50))
    inputs = ClassifierInputs(steps, torch.full((50,), len(steps)))
    assert len(task.model.train().read(inputs)[0].unique(dim=0)) > 1
    assert len(task.model.eval().read(inputs)[0].unique(dim=0)) == 1


def test_class_weights_make_classes_equal(make_task):
    table = "text\tlabel\n" + "a b\tx\n" * 6 + "c d\ty\n" * 2
    task, _ = make_task(table=table, class_weights="balanced")
    weights = dict(zip(task.vocabulary.labels, task.model.class_weights.tolist(), strict=True))
    assert weights == pytest.approx({"x": 8 / (2 * 6), "y": 8 / (2 * 2)})
    logits, targets = torch.randn(3, 2), torch.tensor([0, 0, 1])
    losses = -logits.log_softmax(dim=1)[range(3), targets]
    own = task.model.class_weights[targets]
    wanted = (losses * own).sum() / own.sum()
    torch.testing.assert_close(task.model.criterion(logits.unsqueeze(0), targets), wanted)


def test_members_answer_with_the_mean_of_their_probabilities(make_task):
    task, data = make_task(members=3, pooling="attention")
    inputs, targets = data.batches(0)[0]
    log_probs, weights = task.model.read(inputs)
    alone = [member(inputs) for member in task.model.members]
    shares = torch.stack([scores.softmax(dim=1) for scores, _ in alone])
    torch.testing.assert_close(log_probs.exp(), shares.mean(dim=0))
    torch.testing.assert_close(weights, sum(own for _, own in alone) / 3)
    losses = [torch.nn.functional.cross_entropy(scores, targets) for scores, _ in alone]
    features, _ = task.model(inputs)
    torch.testing.assert_close(task.model.criterion(features, targets), sum(losses) / 3)
    assert len({loss.item() for loss in losses}) == 3
