"""What is held out, in which order questions come, and how files count."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from elman.errors import CheckpointError, DataError
from elman.tasks.answering import AnsweringConfig, AnsweringTask, Vocabulary
from elman.tasks.answering.answers import Answer, summarise
from elman.tasks.task import Batching, Sources


def story(name, place, answers=("yes",)):
    questions = "".join(f"{n} Is {name} here?\t{a}\n" for n, a in enumerate(answers, 2))
    return f"1 {name} is in the {place}.\n{questions}"


@pytest.fixture
def prepare(tmp_path):
    def make(*files, valid=None):
        for number, text in enumerate(files, 1):
            (tmp_path / f"qa{number}_some_train.txt").write_text(text)
        names = sorted(map(str, tmp_path.glob("qa*.txt")))
        if valid is not None:
            (tmp_path / "valid.txt").write_text(valid)
            valid = str(tmp_path / "valid.txt")
        config = AnsweringConfig(hidden_size=4, embedding_size=4)
        sources, batching = Sources(tuple(names), valid), Batching(3, 1, False, 1)
        return AnsweringTask.prepare(config, tmp_path, sources, batching)

    return make


def test_the_last_tenth_of_the_stories_of_each_file_is_held_out(prepare):
    first = "".join(story(f"a{n}", "kitchen", ["yes", "no"]) for n in range(20))
    second = "".join(story(f"b{n}", "garden") for n in range(9))
    with pytest.warns(UserWarning, match="does not have: 8;"):
        task, data = prepare(first, second)
    known = task.vocabulary.words
    assert {"a17", "b7"} <= known.keys()
    assert not {"a18", "a19", "b8"} & known.keys()
    assert len(data.train) == 2 * 18 + 8
    assert {name: len(questions) for name, questions in data.valid.items()} == {"qa1": 4, "qa2": 1}


def test_a_file_to_measure_on_takes_nothing_from_the_others(prepare):
    _, data = prepare(story("a", "kitchen"), valid=2 * story("a", "kitchen"))
    assert len(data.train) == 1
    assert {name: len(questions) for name, questions in data.valid.items()} == {"valid": 2}


def test_one_story_is_too_few_to_hold_some_out(prepare):
    with pytest.raises(DataError, match="one story is too few"):
        prepare(story("a", "kitchen"))


def test_every_question_comes_once_an_epoch_in_another_order(prepare):
    text = "".join(story(f"a{n}", "kitchen") for n in range(18)) + 2 * story("a0", "kitchen")
    _, data = prepare(text)
    orders = []
    for epoch in (0, 0, 1):
        rows = [batch.inputs.questions[1].tolist() for batch in data.batches(epoch)]
        assert [len(row) for row in sorted(rows, key=len)] == [3] * 6
        orders.append([name for row in rows for name in row])
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
    assert len(set(orders[0])) == 18


def test_each_file_counts_the_same_in_the_mean_error(prepare, tmp_path):
    first = 10 * story("a", "kitchen", ["yes"] * 3)
    second = 10 * story("b", "garden", ["no"])
    task, data = prepare(first, second)
    with torch.no_grad():  # always yes
        task.model.output_map.weight.zero_()
        task.model.output_map.bias.copy_(torch.tensor([0.0, math.log(3)]))
    found = data.validate(task.model.eval(), torch.device("cpu"))
    assert found.measures == {
        "accuracy": 0.75,
        "mean_error": 0.5,
        "error_qa1": 0.0,
        "error_qa2": 1.0,
    }
    assert found.rank == 0.5
    assert found.loss == pytest.approx(-(3 * math.log(0.75) + math.log(0.25)) / 4)


def test_files_are_told_apart_by_their_names(prepare, tmp_path):
    text = 5 * story("a", "kitchen")
    for name in ("one_a.txt", "one_b.txt"):
        (tmp_path / name).write_text(text)
    sources = Sources((str(tmp_path / "one_a.txt"), str(tmp_path / "one_b.txt")))
    config = AnsweringConfig(hidden_size=4, embedding_size=4)
    _, data = AnsweringTask.prepare(config, tmp_path, sources, Batching(3, 1, False, 1))
    assert list(data.valid) == ["one_a", "one_b"]


def test_unseen_words_and_answers_are_counted(prepare):
    valid = story("a", "kitchen") + story("b", "cellar", ["perhaps"])
    with (
        pytest.warns(UserWarning, match="does not have: 3; they are taken"),
        pytest.warns(UserWarning, match="does not have: 1, such as 'perhaps'"),
    ):
        task, data = prepare(story("a", "kitchen"), valid=valid)
    found = data.validate(task.model.eval(), torch.device("cpu"))
    assert found.measures == {"accuracy": 0.5, "mean_error": 0.5}
    assert found.loss == 0.0  # of the one answer that is known


def test_a_summary_leaves_unknown_answers_out_of_the_loss():
    answers = [Answer(np.log(shares), None) for shares in ([0.5, 0.5], [0.25, 0.75], [0.9, 0.1])]
    found = summarise(answers, np.array([-1, 1, 1]))
    assert found["questions"] == 3
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["mean_error"] == pytest.approx(2 / 3)
    assert found["loss"] == pytest.approx(-(math.log(0.75) + math.log(0.1)) / 2)
    assert math.isnan(summarise(answers[:1], np.array([-1]))["loss"])


def test_the_vocabulary_comes_back_and_damage_is_told(vocabulary, tmp_path):
    vocabulary.save(tmp_path)
    assert Vocabulary.load(tmp_path) == vocabulary
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:-9])
    with pytest.raises(CheckpointError, match="damaged"):
        Vocabulary.load(tmp_path)
    with pytest.raises(CheckpointError, match="missing"):
        Vocabulary.load(Path(tmp_path) / "nowhere")
