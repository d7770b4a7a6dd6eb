"""What is learnt in an epoch."""

import pytest
import torch

from elman.tasks.filling import FillingBatch


def words_of(batch: FillingBatch):
    columns = zip(batch.targets.T.tolist(), batch.lengths.tolist(), strict=True)
    return [tuple(ids[:length]) for ids, length in columns]


def test_an_epoch_has_every_sentence_once_in_batches_of_bounded_size(make_task):
    _, data = make_task()
    wanted = sorted(tuple(ids) for ids in data.train)
    orders = []
    for epoch in range(3):
        batches = data.batches(epoch)
        found = [words_of(batches[index]) for index in range(len(batches))]
        assert sorted(words for batch in found for words in batch) == wanted
        assert all(batch.targets.numel() <= 2 * 8 for batch in batches)
        assert found == [words_of(batch) for batch in data.batches(epoch)]
        orders.append(found)
    assert len({str(order) for order in orders}) > 1


def test_validation_says_what_the_held_out_sentences_say(make_task):
    task, data = make_task()
    found = task.evaluate(data.valid)
    loss, measures, rank = data.validate(task.model, torch.device("cpu"))
    assert loss == pytest.approx(found["loss"])
    assert rank is None
    assert measures == {
        name: pytest.approx(found[name]) for name in ("pseudo_perplexity", "accuracy", "mean_rank")
    }
