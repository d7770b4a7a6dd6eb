"""The network over trees: its numbers by hand, its dropout, its loss."""

import math

import pytest
import torch

from elman.nn import unroll_trees
from elman.tasks.tree import make_batch


@pytest.mark.parametrize(
    "cell", ["recursive", "rntn", "child-sum-tree-lstm", "constituency-tree-lstm"]
)
def test_every_node_is_classified_from_its_state(make_task, encoded, cell):
    task, _ = make_task(cell=cell)
    model = task.model.eval()
    batch = make_batch(encoded(task))
    logits, state = model(batch.inputs)
    assert state == ()
    vectors = model.embedding.weight[batch.inputs.words]
    hidden = unroll_trees(model.cell, vectors, batch.inputs.trees)[0]
    expected = hidden @ model.output_map.weight.T + model.output_map.bias
    torch.testing.assert_close(logits, expected)
    assert logits.shape == (len(batch.targets), 5)


def test_the_loss_is_the_mean_over_labelled_nodes(make_task, encoded):
    task, _ = make_task()
    batch = make_batch(encoded(task))
    logits = torch.randn(len(batch.targets), 5)
    rows = logits.tolist()
    losses = [
        math.log(sum(map(math.exp, row))) - row[label]
        for row, label in zip(rows, batch.targets.tolist(), strict=True)
        if label >= 0
    ]
    assert len(losses) == len(rows) - 1
    loss = float(task.model.criterion(logits, batch.targets))
    assert loss == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_dropout_acts_in_training_alone(make_task, encoded):
    for setting in ("dropout", "input_dropout", "word_dropout"):
        task, _ = make_task(**{setting: 0.5})
        inputs = make_batch(encoded(task)).inputs
        model = task.model.eval()
        assert torch.equal(model(inputs)[0], model(inputs)[0])
        model.train()
        assert not torch.equal(model(inputs)[0], model(inputs)[0])


def test_word_dropout_takes_words_for_unknown(make_task, encoded):
    task, _ = make_task(word_dropout=0.999999)
    batch = make_batch(encoded(task))
    unknown = batch.inputs._replace(words=torch.full_like(batch.inputs.words, 0))
    unknown.words[:] = task.tokenizer.unknown
    dropped, _ = task.model.train()(batch.inputs)
    expected, _ = task.model.eval()(unknown)
    torch.testing.assert_close(dropped, expected)
