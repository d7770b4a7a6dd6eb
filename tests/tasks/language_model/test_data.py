import pytest
import torch

from elman.data import Corpus, Tokenizer
from elman.tasks.language_model import LanguageModelConfig, LanguageModelData, LanguageModelTask

TEXT = "the cat sat\non the mat\n\na cat\nthe mat on a cat\n"


@pytest.fixture(params=["char", "word"])
def made(request, tmp_path):
    """A model and its data, by rows and steps."""
    (tmp_path / "text").write_text(TEXT)
    tokenizer = Tokenizer.train(TEXT.splitlines(), request.param)
    corpus = Corpus.build([tmp_path / "text"], tokenizer, tmp_path / "corpus", workers=1)
    torch.manual_seed(1)
    config = LanguageModelConfig(unit=request.param, hidden_size=5, embedding_size=4)
    task = LanguageModelTask.create(config, tokenizer)
    task.model.eval()

    def data(rows, unroll, *, lines=False):
        return LanguageModelData(corpus, corpus, tokenizer, rows, unroll, lines, seed=3)

    return task, corpus, data


def test_a_stream_predicts_each_token_after_the_one_before(made):
    task, corpus, data = made
    batches = list(data(2, 3).batches(0))
    targets = torch.cat([batch.targets for batch in batches])
    inputs = torch.cat([batch.inputs for batch in batches])
    rows = len(corpus.tokens) // 2
    assert targets.T.flatten().tolist() == corpus.tokens[: 2 * rows].tolist()
    assert inputs.T.flatten().tolist() == [task.tokenizer.boundary, *targets.T.flatten()[:-1]]
    assert all(len(batch.inputs) == 3 for batch in batches[:-1])


def test_lines_are_all_learnt_once_an_epoch_in_a_new_order(made):
    task, _, data = made
    seen = []
    for epoch in (0, 1, 1):
        found = []
        for batch in data(2, 6, lines=True).batches(epoch):
            for column, length in enumerate(batch.lengths.tolist()):
                assert batch.inputs[0, column] == task.tokenizer.boundary
                assert torch.equal(
                    batch.inputs[1:length, column], batch.targets[: length - 1, column]
                )
                found.append(task.tokenizer.decode(batch.targets[:length, column]))
        assert sorted(found) == sorted(line + "\n" for line in TEXT.splitlines())
        seen.append(found)
    assert seen[1] == seen[2]


def test_validation_in_one_row_is_the_evaluation(made):
    task, corpus, data = made
    found = data(1, 2).validate(task.model, torch.device("cpu")).loss
    assert found == pytest.approx(task.evaluate(corpus)["loss"], rel=1e-5)


def test_validation_does_not_depend_on_the_unroll(made):
    task, _, data = made
    losses = [
        data(3, unroll).validate(task.model, torch.device("cpu")).loss for unroll in (1, 2, 50)
    ]
    assert losses[1:] == pytest.approx(losses[:1] * 2, rel=1e-5)
