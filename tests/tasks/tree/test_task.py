"""The task of trees: prepared, saved, measured, answered."""

import pytest
import torch

from elman.data import parse_tree
from elman.errors import ConfigError, DataError
from elman.tasks.task import Batching, Sources
from elman.tasks.tree import TreeConfig, TreeTask, make_batch

BATCHING = Batching(2, 1, False, 1)


def learn(task, trees, steps=150):
    """Fit a task to trees by plain gradient steps."""
    optimizer = torch.optim.Adam(task.model.parameters(), lr=0.05)
    batch = make_batch(trees)
    for _ in range(steps):
        optimizer.zero_grad()
        logits, _ = task.model(batch.inputs)
        task.model.criterion(logits, batch.targets).backward()
        optimizer.step()
    task.model.eval()


def test_two_labels_are_learnt_by_heart_and_answered(make_task, encoded, lines):
    task, _ = make_task(labels="two")
    learn(task, encoded(task))
    found = task.evaluate(encoded(task))
    assert {found[name] for name in ("accuracy", "root_accuracy", "binary_accuracy")} == {1.0}
    assert found["nodes"] == sum(line.count(f"({k}") for line in lines for k in (0, 1, 3, 4))
    answers = list(task.predict(iter(lines), "input"))
    assert [answers[row]["output"] for row in (0, 1, 3, 4)] == [1, 0, 1, 0]
    assert {len(answer["probabilities"]) for answer in answers} == {2}


def test_neutral_trees_have_no_two_labels(tmp_path):
    path = tmp_path / "neutral.txt"
    path.write_text("(2 a)\n(2 (2 b) (? c))\n")
    with pytest.raises(DataError, match="to learn from has a label other than neutral"):
        TreeTask.prepare(TreeConfig(labels="two"), tmp_path, Sources((str(path),)), BATCHING)


@pytest.mark.parametrize("cell", ["recursive", "rntn", "child-sum-tree-lstm"])
def test_a_few_trees_are_learnt_by_heart_and_answered(make_task, encoded, lines, tmp_path, cell):
    task, _ = make_task(cell=cell)
    learn(task, encoded(task))
    found = task.evaluate(encoded(task))
    shares = {name: found[name] for name in ("accuracy", "root_accuracy", "binary_accuracy")}
    assert set(shares.values()) == {1.0}
    answers = list(task.predict(iter(lines), "input"))
    assert [answer["input"] for answer in answers] == lines
    assert [answer["output"] for answer in answers] == [4, 1, 2, 3, 0, 2]
    assert parse_tree(answers[0]["tree"], "").labels.tolist() == [4, 2, 4, 4, 2]
    assert answers[3]["tree"].startswith("(3 (2 it) (3 (3 works) (")
    for answer in answers:
        assert sum(answer["probabilities"]) == pytest.approx(1.0)
        assert answer["score"] == max(answer["probabilities"])

    loaded = TreeTask.load(task.config, tmp_path / "RUN")
    loaded.restore(task.arrays())
    again = list(loaded.to(torch.device("cpu")).predict(lines, "input"))
    assert again == answers


def test_answers_stream_and_pass_over_empty_lines(make_task, lines):
    task, _ = make_task()
    task.model.eval()

    def endless():
        while True:
            yield from (*lines, "")

    stream = task.predict(endless(), "input")
    assert [next(stream)["input"] for _ in range(7)] == [*lines, lines[0]]
    with pytest.raises(DataError, match=r"FILE, line 3, column 1: this bracket is never closed"):
        list(task.predict(["(2 a)", "", "(2 a"], "FILE, line"))


def test_answers_do_not_depend_on_what_is_asked_together(make_task, lines):
    task, _ = make_task()
    task.model.eval()
    together = [answer["probabilities"] for answer in task.predict(lines, "input")]
    alone = [answer["probabilities"] for line in lines for answer in task.predict([line], "input")]
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_case_may_be_left_out_of_account(make_task):
    tokenizer = make_task()[0].tokenizer
    assert "Film" in map(tokenizer.token, range(tokenizer.vocabulary_size))
    task, _ = make_task(lowercase=True)
    upper, lower = (task.encode(parse_tree(text, "")).words for text in ("(2 FILM)", "(2 film)"))
    assert upper.tolist() == lower.tolist() != [task.tokenizer.unknown]


def test_loaded_vectors_are_the_start(make_task, tmp_path):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("lovely 1 2 3 4 5\nawful -1 -2 -3 -4 -5\n")
    task, _ = make_task(vectors=str(vectors))
    words = task.encode(parse_tree("(2 (2 lovely) (2 awful))", "")).words
    assert task.model.embedding.weight[words].tolist() == [[1, 2, 3, 4, 5], [-1, -2, -3, -4, -5]]
    with pytest.raises(ConfigError, match="holds vectors of 5 numbers: give --embedding-size 5"):
        make_task(vectors=str(vectors), embedding_size=4)


def test_without_held_out_trees_the_last_tenth_is_taken(tmp_path):
    path = tmp_path / "trees.txt"
    path.write_text("".join(f"({n % 5} word{n})\n" for n in range(25)))
    config = TreeConfig(hidden_size=2, embedding_size=2)
    _, data = TreeTask.prepare(config, tmp_path, Sources((str(path), str(path))), BATCHING)
    assert (len(data.train), len(data.valid)) == (45, 5)
    assert [tree.tree.words for tree in data.valid] == [[f"word{n}"] for n in range(20, 25)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(2 a)\n", "one tree is too few to hold some out"),
        ("(? a)\n(? b)\n(2 c)\n", "no node of the trees to learn from has a label"),
        ("(2 a)\n(2 b)\n(? c)\n", "no node of the trees to measure on has a label"),
        (
            "(2 a)\n(2 (2 so) (2 b) (2 c))\n",
            "the tree of 'so b c' ... has a node with 3 children, and the cell joins 2: take",
        ),
    ],
)
def test_trees_that_teach_nothing_are_refused(tmp_path, text, message):
    path = tmp_path / "trees.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        TreeTask.prepare(TreeConfig(), tmp_path, Sources((str(path),)), BATCHING)


def test_chain_cells_are_no_tree_cells(make_task):
    with pytest.raises(ConfigError, match="unknown cell 'lstm': known are recursive, rntn"):
        make_task(cell="lstm")
