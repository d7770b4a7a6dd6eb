"""Question answering at the command line: from stories to a run that is measured and asked."""

import json
import random
from pathlib import Path

import pytest

SMALL = ["--hidden-size", "8", "--embedding-size", "12", "--dropout", "0", "--quiet"]
LEARN = ["--batch-size", "10", "--learning-rate", "0.03", "--epochs", "12"]
ASKED = "John went to the kitchen. Mary went to the garden. Where is Mary?"
PEOPLE, PLACES = ("Mary", "John", "Ann"), ("kitchen", "garden", "office")


def make_story(draw, words):
    where, lines = {}, []
    for number in range(1, 3):
        who = draw.choice(PEOPLE)
        where[who] = draw.choice(PLACES)
        lines.append(f"{number} {who} went to the {where[who]}.")
    who = draw.choice(list(where))
    return "\n".join([*lines, f"3 {words} {who}?\t{where[who]}\t1"]) + "\n"


@pytest.fixture
def files(tmp_path):
    draw = random.Random(1)
    for number, words in enumerate(("Where is", "In which room is"), 1):
        stories = "".join(make_story(draw, words) for _ in range(100))
        (tmp_path / f"qa{number}_rooms.txt").write_text(stories)
    return ["qa1_rooms.txt", "qa2_rooms.txt"]


def objects(answer):
    assert answer.status == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


@pytest.mark.parametrize("model", ["attention", "rnn"])
def test_from_raw_files_to_answers(elman, files, model):
    options = ["--model", model, "--out", "RUN", *SMALL, *LEARN]
    (best,) = objects(elman("train", "answer", *files, *options, "--json"))
    assert best["mean_error"] == (best["error_qa1"] + best["error_qa2"]) / 2 == best["rank"]
    (found,) = objects(elman("evaluate", "RUN", files[0], "--json"))
    assert (found["questions"], found["accuracy"]) == (100, 1 - found["mean_error"])
    assert found["accuracy"] > 0.6  # of three places, two of which the story has
    (answer,) = objects(elman("predict", "RUN", ASKED, "--json"))
    assert answer["input"] == ASKED
    assert answer["output"] in PLACES
    shares = [answer["score"], *(entry["score"] for entry in answer["alternatives"])]
    assert sum(shares) == pytest.approx(1)  # of three places
    assert sorted(shares, reverse=True) == shares
    assert ("attention" in answer) == (model == "attention")
    assert elman("predict", "RUN", ASKED).output == f"{answer['output']}\t{ASKED}\n"
    assert elman("inspect", "RUN", files[0]).status == 0
    assert Path("RUN/plots/story_attention.png").exists() == (model == "attention")


@pytest.fixture
def run(elman, files):
    """A run of one pass; a function that calls commands."""
    assert elman("train", "answer", *files, "--out", "RUN", *SMALL, "--epochs", "1").status == 0
    return elman


def test_attention_is_a_share_of_each_sentence_a_hop(run):
    (answer,) = objects(run("predict", "RUN", ASKED, "--json"))
    assert len(answer["attention"]) == 3
    for hop in answer["attention"]:
        assert len(hop) == 2
        assert sum(hop) == pytest.approx(1)


def test_a_file_of_stories_is_answered_like_the_same_stories_in_lines(run, tmp_path):
    numbered = (
        "1 Mary went to the office.\n2 Where is Mary?\n3 John left.\n4 Where is John?\tx\t3\n"
    )
    (tmp_path / "numbered.txt").write_text(numbered)
    lines = "Mary went to the office. Where is Mary?\n\n"
    lines += "Mary went to the office. John left. Where is John?\n"
    (tmp_path / "lines.txt").write_text(lines)
    first, second = (
        objects(run("predict", "RUN", "--file", name, "--json"))
        for name in ("numbered.txt", "lines.txt")
    )
    assert [answer["input"] for answer in first] == lines.split("\n")[::2][:2]
    for one, other in zip(first, second, strict=True):
        assert one["output"] == other["output"]
        assert one["score"] == pytest.approx(other["score"], rel=1e-5)


def test_the_most_uncertain_questions_are_shown(run, files):
    found = objects(run("inspect", "RUN", files[1], "--json"))
    rows = [row for row in found if row.get("table") == "most uncertain questions"]
    assert len(rows) == 10
    shares = [row["probability"] for row in rows]
    assert shares == sorted(shares)
    lines = Path(files[1]).read_text().splitlines()
    for row in rows:
        assert lines[row["line"] - 1].startswith(f"3 {row['question']}\t{row['answer']}")


def test_runs_with_the_same_seed_are_the_same(elman, files, tmp_path):
    options = ["train", "answer", *files, *SMALL, "--dropout", "0.2", "--epochs", "2"]
    assert elman(*options, "--out", "A").status == 0
    assert elman(*options, "--out", "B").status == 0
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "AB"]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("1 Mary left.\n", [], "bad.txt, line 1: the story that starts here has no question"),
        ("1 Mary left.\n3 Did she?\tno\n", [], "bad.txt, line 2: numbered 3 where 2 comes next"),
        ("1 Did she?\tno\n", [], "bad.txt, line 1: a question before any sentence"),
        ("1 Mary left.\n2 Did she?\n", [], "bad.txt, line 2: the question has no answer"),
        ("1 Mary left.\n2 Did she?\tno\n", [], "one story is too few"),
        ("", [], "bad.txt is empty"),
        ("\n", [], "bad.txt holds no story"),
        ("1 A.\n2 B?\tno\n", ["--hops", "0"], "--hops must be at least 1"),
    ],
)
def test_bad_input_is_told_in_one_line(elman, tmp_path, text, options, message):
    (tmp_path / "bad.txt").write_text(text)
    answer = elman("train", "answer", "bad.txt", "--out", "RUN", *options, *SMALL)
    assert answer.status == 2
    assert message in answer.errors
    assert answer.errors.count("\n") == 1
    assert not (tmp_path / "RUN").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("Mary left.", "input 1: there is no question at the end"),
        ("Where is Mary?", "input 1: a question without its story"),
    ],
)
def test_what_cannot_be_answered_is_told_in_one_line(run, asked, message):
    answer = run("predict", "RUN", asked)
    assert answer.status == 2
    assert message in answer.errors
    assert answer.errors.count("\n") == 1


def test_words_and_answers_never_seen_are_counted(run, tmp_path):
    (tmp_path / "odd.txt").write_text("1 Zoe went to the cellar.\n2 Where is Zoe?\tcellar\t1\n")
    with (
        pytest.warns(UserWarning, match="does not have: 3; they are taken for unknown"),
        pytest.warns(UserWarning, match="does not have: 1, such as 'cellar'"),
    ):
        (found,) = objects(run("evaluate", "RUN", "odd.txt", "--json"))
    assert (found["accuracy"], found["loss"]) == (0.0, None)
