"""The task of filling gaps: prepared, saved, measured, answered."""

import pytest
import torch

from elman.errors import ConfigError, DataError
from elman.tasks.filling import FillingConfig, FillingTask, join_sentences
from elman.tasks.task import Batching, Sources

BATCHING = Batching(2, 8, False, 1)


def learn(task, data, steps=80):
    """Fit a task by plain gradient steps."""
    optimizer = torch.optim.Adam(task.model.parameters(), lr=0.04)
    batch = join_sentences(list(data.train), data.boundary)
    for _ in range(steps):
        optimizer.zero_grad()
        features, _ = task.model(batch.inputs)
        task.model.criterion(features, batch.targets, batch.lengths).backward()
        optimizer.step()


def test_a_few_sentences_are_learnt_by_heart_and_filled(make_task, tmp_path):
    task, data = make_task(hidden_size=16)
    learn(task, data)
    assert task.evaluate(data.valid)["accuracy"] >= 0.8  # cat and dog fit in some places alike
    lines = [
        "the cat ___ on the mat",
        "  ",
        "a dog ran to the ___ door",
        "a ___ ran to the red door",
    ]
    answers = list(task.predict(iter(lines), "input"))
    assert [answer["input"] for answer in answers] == [lines[0], lines[2], lines[3]]
    assert [answer["output"] for answer in answers] == ["sat", "red", "dog"]
    assert answers[1]["filled"] == "a dog ran to the red door"
    for answer in answers:
        shares = [entry["probability"] for entry in answer["alternatives"]]
        assert answer["score"] == shares[0] == max(shares)
        assert shares == sorted(shares, reverse=True)
        assert len(shares) == 10
        assert {entry["gap"] for entry in answer["alternatives"]} == {1}
        words = [entry["word"] for entry in answer["alternatives"]]
        assert len(set(words)) == 10
        assert not {"<unk>", "<eos>"} & set(words)
    assert task.show(answers[1]).startswith("a dog ran to the red door\n  red 0.")

    task.save(tmp_path / "RUN")
    loaded = FillingTask.load(task.config, tmp_path / "RUN")
    loaded.restore(task.arrays())
    assert list(loaded.to(torch.device("cpu")).predict(lines, "input")) == answers


def test_several_gaps_are_each_filled_with_the_others_unknown(make_task):
    task, _ = make_task()
    (both,) = task.predict(["the ___ sat on the ____."], "input")
    (first,) = task.predict(["the ___ sat on the <unk> ."], "input")
    (second,) = task.predict(["the <unk> sat on the ___ ."], "input")
    assert both["output"] == f"{first['output']} {second['output']}"
    assert both["filled"] == f"the {first['output']} sat on the {second['output']} ."
    assert both["score"] == pytest.approx(first["score"] * second["score"])
    parts = [[e for e in both["alternatives"] if e["gap"] == gap] for gap in (1, 2)]
    for part, alone in zip(parts, (first, second), strict=True):
        assert [e["word"] for e in part] == [e["word"] for e in alone["alternatives"]]
    assert len(task.show(both).splitlines()) == 3


def test_answers_stream_and_do_not_depend_on_what_is_asked_together(make_task):
    task, _ = make_task()

    def endless():
        while True:
            yield from ("___", "the ___ sat on a mat", "stop ___")

    stream = task.predict(endless(), "input")
    some = [next(stream) for _ in range(200)]
    for answer in some[:3] + some[-3:]:
        (alone,) = task.predict([answer["input"]], "input")
        assert alone["output"] == answer["output"]
        assert alone["score"] == pytest.approx(answer["score"], rel=1e-5)


@pytest.mark.parametrize("line", ["the cat sat", "the __ sat", "_"])
def test_a_line_without_a_gap_is_named(make_task, line):
    task, _ = make_task()
    with pytest.raises(DataError, match=r"FILE, line 3: no gap to fill: write ___ where a word"):
        list(task.predict(["a ___", "", line], "FILE, line"))


def test_a_tiny_vocabulary_has_as_many_alternatives_as_words(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a\na\n")
    task, _ = FillingTask.prepare(FillingConfig(), tmp_path, Sources((str(path),)), BATCHING)
    (answer,) = task.predict(["___"], "input")
    assert [entry["word"] for entry in answer["alternatives"]] == ["a"]


def test_loaded_vectors_are_the_start(make_task, tmp_path):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("cat 1 2 3 4 5\ndog -1 -2 -3 -4 -5\n")
    task, _ = make_task(vectors=str(vectors))
    words, weight = task.word_vectors()
    assert weight[words.index("cat")].tolist() == [1, 2, 3, 4, 5]
    assert weight[words.index("dog")].tolist() == [-1, -2, -3, -4, -5]
    with pytest.raises(ConfigError, match="holds vectors of 5 numbers: give --embedding-size 5"):
        make_task(vectors=str(vectors), embedding_size=4)


def test_without_held_out_text_the_last_tenth_is_taken(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(f"word{n} here\n" for n in range(50)))
    task, data = FillingTask.prepare(FillingConfig(), tmp_path, Sources((str(path),)), BATCHING)
    assert (len(data.train), len(data.valid)) == (45, 5)
    assert task.tokenizer.decode(data.valid[0]) == "word45 here"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("one line\n", DataError, "a text of a single line cannot be split"),
        ("<unk>\n<unk>\n", ConfigError, "the text has no word but <unk>"),
        ("\n\n\n", DataError, "the text has no words"),
        ("a b\n\n\n", DataError, "the text has no words"),
    ],
)
def test_text_that_teaches_nothing_is_refused(tmp_path, text, error, message):
    path = tmp_path / "text.txt"
    path.write_text(text)
    with pytest.raises(error, match=message):
        FillingTask.prepare(FillingConfig(), tmp_path, Sources((str(path),)), BATCHING)


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match="--tie needs --softmax full"):
        FillingConfig(tie=True, softmax="adaptive")
    with pytest.raises(ConfigError, match="hidden"):
        FillingConfig(hidden_size=0)
