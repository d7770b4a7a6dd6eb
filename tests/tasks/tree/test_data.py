"""Trees as batches: each tree once an epoch, in a new order, by the seed."""

import numpy as np
import pytest
import torch

from elman.tasks.tree import make_batch, measure


def seen(data, epoch):
    """The targets of all batches of an epoch."""
    return [batch.targets.tolist() for batch in data.batches(epoch)]


def test_every_tree_comes_once_an_epoch_in_an_order_of_its_own(make_task):
    _, data = make_task(batch_size=1)
    first, second = seen(data, 0), seen(data, 1)
    assert first != second
    assert sorted(first) == sorted(second)
    assert len(first) == 6
    assert seen(make_task(batch_size=1)[1], 0) == first
    assert seen(make_task(batch_size=1, seed=2)[1], 0) != first


def test_the_last_batch_may_be_smaller(make_task):
    _, data = make_task(batch_size=4)
    batches = data.batches(0)
    assert [len(batch.inputs.trees.roots) for batch in batches] == [4, 2]
    with pytest.raises(IndexError):
        batches[2]


def test_a_batch_holds_its_trees_one_after_the_other(make_task, encoded):
    task, _ = make_task()
    trees = encoded(task)
    batch = make_batch(trees)
    assert batch.targets.tolist() == [int(n) for tree in trees for n in tree.tree.labels]
    assert batch.inputs.words.tolist() == [int(n) for tree in trees for n in tree.words]
    assert (
        batch.inputs.trees.roots.tolist()
        == np.cumsum([0, *(len(tree.tree.labels) for tree in trees[:-1])]).tolist()
    )
    moved = batch.to(torch.device("meta"))
    assert {moved.targets.device.type, moved.inputs.words.device.type} == {"meta"}


def test_measuring_in_parts_equals_measuring_at_once(make_task, encoded, monkeypatch):
    task, _ = make_task()
    task.model.eval()
    whole = measure(task.model, encoded(task), torch.device("cpu"))
    monkeypatch.setattr("elman.tasks.tree.data.TREES_AT_ONCE", 1)
    parts = measure(task.model, encoded(task), torch.device("cpu"))
    assert parts == pytest.approx(whole)
    assert whole["trees"] == 6
