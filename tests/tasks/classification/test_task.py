"""The task as a whole: it learns, is saved, loaded, and tells what is odd."""

import math
import re
import warnings

import numpy as np
import pytest
import torch

from elman.data.tables import LabelledText
from elman.errors import ConfigError, DataError
from elman.learning import BPTT, build_optimizer
from elman.tasks.classification import ClassificationTask, ClassifierInputs
from elman.tasks.classification.data import hold_out_of_each

CPU = torch.device("cpu")


def learn(task, data, epochs=30):
    optimizer = build_optimizer("adam", task.model.parameters(), learning_rate=0.05)
    learner = BPTT(optimizer, clip=1.0)
    task.model.train()
    for epoch in range(epochs):
        for batch in data.batches(epoch):
            learner.update(task.model, batch, ())
    return data.validate(task.to(CPU).model, CPU)


@pytest.mark.parametrize("unit", ["word", "char", "number"])
@pytest.mark.parametrize("model", ["rnn", "mlp"])
def test_a_few_rows_are_learnt_and_survive_saving(make_task, tmp_path, unit, model):
    task, data = make_task(unit=unit, model=model, pooling="attention")
    found = learn(task, data)
    assert found.measures["accuracy"] == 1.0
    inputs = [row.text for row in task_rows(task, tmp_path / "train.tsv")]
    answers = list(task.predict(inputs, "input"))
    assert [a["output"] for a in answers] == [
        row.label for row in task_rows(task, tmp_path / "train.tsv")
    ]
    again = ClassificationTask.load(task.config, tmp_path / "RUN")
    again.restore(task.arrays())
    assert list(again.to(CPU).predict(inputs, "input")) == answers


def task_rows(task, path):
    with task.reading(str(path)) as rows:
        return rows


def test_answers_are_the_calibrated_probabilities(make_task):
    task, data = make_task()
    learn(task, data, epochs=3)
    assert float(task.model.temperature) != 1.0
    (answer,) = task.predict(["Who is he ?"], "input")
    steps = task.encode(LabelledText("Who is he ?", "HUM", "here")).steps.unsqueeze(1)
    with torch.inference_mode():
        (logits,), _ = task.model(ClassifierInputs(steps, torch.tensor([len(steps)])))
    wanted = (logits / task.model.temperature).softmax(dim=1)[0].tolist()
    assert answer["probabilities"] == pytest.approx(
        dict(zip(task.vocabulary.labels, wanted, strict=True)), rel=1e-5
    )
    assert answer["score"] == max(answer["probabilities"].values())
    assert next(iter(answer["probabilities"])) == answer["output"]


def test_the_temperature_lowers_the_loss_and_keeps_the_answers(make_task, texts, tmp_path):
    task, data = make_task(valid=texts.replace("\tNUM", "\tLOC"))
    learn(task, data, epochs=8)
    rows = task_rows(task, tmp_path / "valid.tsv")
    calibrated = task.evaluate(rows)
    task.model.temperature.fill_(1.0)
    raw = task.evaluate(rows)
    assert calibrated["loss"] < raw["loss"]
    assert calibrated["accuracy"] == raw["accuracy"]


def test_the_middle_of_long_inputs_is_left_out_with_a_warning(make_task):
    task, _ = make_task(max_length=10)
    with pytest.warns(UserWarning, match="1 inputs have more than 10 words"):
        answers = list(task.predict(["word " * 20_000, "Who ?"], "input"))
    assert len(answers) == 2


def test_answers_keep_the_order_of_the_inputs_and_pass_over_empty_ones(make_task):
    task, _ = make_task()
    inputs = ["Who " * (1 + n * 7 % 13) for n in range(100)]
    given = [inputs[0], " ", *inputs[1:]]
    assert [a["input"] for a in task.predict(given, "input")] == inputs


def test_the_order_of_the_inputs_changes_no_answer(make_task):
    task, _ = make_task(pooling="mean")
    inputs = ["Who " * (1 + n * 7 % 13) for n in range(100)]
    there = [a["probabilities"] for a in task.predict(inputs, "input")]
    back = [a["probabilities"] for a in task.predict(inputs[::-1], "input")][::-1]
    for first, second in zip(there, back, strict=True):
        assert first == pytest.approx(second, rel=1e-4)


def test_attention_is_told_word_by_word(make_task):
    task, _ = make_task(pooling="attention")
    long, short = task.predict(["Who wrote it ?", "Who"], "input")
    assert [word for word, _ in long["attention"]] == ["Who", "wrote", "it", "?"]
    assert sum(share for _, share in long["attention"]) == pytest.approx(1.0, abs=1e-5)
    assert short["attention"] == [("Who", pytest.approx(1.0))]


def test_a_tenth_of_each_class_is_held_out():
    rows = [LabelledText(str(n), "ab"[n >= 30], "") for n in range(50)]
    kept, held = hold_out_of_each(rows)
    assert [row.text for row in held] == ["27", "28", "29", "48", "49"]
    assert sorted(kept + held, key=rows.index) == rows
    kept, held = hold_out_of_each(rows[:5])
    assert (len(kept), held) == (4, rows[4:5])
    with pytest.raises(DataError, match="one row is too few"):
        hold_out_of_each(rows[:1])


@pytest.mark.parametrize(
    ("table", "valid", "message"),
    [
        ("a\tx\nb\ty\nc\ty\n", None, "1 classes have one row to learn from: 'x'"),
        ("a\tx\n\tx\nb\ty\nc\ty\n", "a\tx\n", "1 rows have an empty text.*train.tsv, line 2"),
        ("a\tx\na b c d\tx\nb\ty\nc\ty\n", "a\tx\n", "1 rows have more than 3 words"),
        ("a\tx\nb\tx\nb\ty\nc\ty\n", "a\tx\na\tz\n", "not learnt \\('z'\\); they count as wrong"),
    ],
)
def test_what_is_odd_is_counted_in_a_warning(make_task, table, valid, message):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        task, data = make_task(table=table, valid=valid, max_length=3)
    assert len([w for w in caught if re.search(message, str(w.message))]) == 1
    assert math.isfinite(data.validate(task.model.eval(), CPU).loss)


def test_labels_that_were_not_learnt_count_as_wrong(make_task):
    with pytest.warns(UserWarning, match="count as wrong"):
        task, data = make_task(valid="Who is he ?\tHUM\nWho is he ?\tNONE\n")
    assert learn(task, data).measures["accuracy"] == 0.5


def test_nothing_known_to_measure_is_refused(make_task):
    with pytest.raises(DataError, match="no held-out row has a label that is learnt"):
        make_task(valid="a\tNONE\n")


def test_word_vectors_are_those_of_the_words(make_task, tmp_path):
    (tmp_path / "vectors.txt").write_text("who 1 2 3 4 5\nnever 9 9 9 9 9\n")
    task, _ = make_task(vectors=str(tmp_path / "vectors.txt"))
    words, vectors = task.word_vectors()
    assert len(words) == len(vectors) == len(task.vocabulary.tokens)
    assert vectors[list(words).index("who")].tolist() == [1, 2, 3, 4, 5]
    together, _ = make_task(members=2)
    assert together.word_vectors().vectors.shape == (len(words), 10)
    with pytest.raises(ConfigError, match="no vectors of words"):
        make_task(unit="char")[0].word_vectors()


@pytest.mark.parametrize("unit", ["word", "char"])
def test_looking_inside_finds_confusions_doubts_and_attention(make_task, texts, tmp_path, unit):
    valid = texts + "Who\tHUM\nWhat is odd ?\tODD\n"
    with pytest.warns(UserWarning, match="count as wrong"):
        task, _ = make_task(pooling="attention", unit=unit, valid=valid)
    task.to(CPU)
    with pytest.warns(UserWarning, match="count as wrong"):
        found = list(task.look_inside(str(tmp_path / "valid.tsv"), tmp_path))
    findings = {finding.name: finding for finding in found}
    assert list(findings) == ["confusion matrix", "most uncertain", "attention"]
    assert findings["confusion matrix"].picture.exists()
    assert findings["attention"].picture.exists()
    rows = findings["most uncertain"].rows
    assert len(rows) == 8
    entropies = [row["entropy"] for row in rows]
    assert entropies == sorted(entropies, reverse=True)
    assert all(row["score"] >= row["second_score"] for row in rows)
    assert {row["label"] for row in rows} == {"HUM", "LOC", "NUM", "ODD"}


def test_batches_have_all_items_once_and_a_new_order_each_epoch(make_task):
    _, data = make_task()
    orders = [
        [tuple(row.tolist()) for batch in data.batches(epoch) for row in batch.targets.split(1)]
        for epoch in (0, 1, 0)
    ]
    assert orders[0] == orders[2]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted((item.label,) for item in data.train)
    assert np.prod([len(order) for order in orders]) == 6**3
