"""Word vectors at the command line: neighbours, agreement with people, and several files."""

import json

import pytest

PAIRS = "cat\tdog\t9\nmat\trug\t7\nred\tzebra\t5\nto\tDoor\t1\n"


def objects(answer):
    assert answer.status == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text(PAIRS)
    return path


def test_neighbours_of_words(elman, trained):
    found = objects(elman("inspect", trained / "word", "--similar", "cat", "Dog", "--json"))
    assert [answer["word"] for answer in found] == ["cat", "Dog"]
    for answer in found:
        cosines = [entry["cosine"] for entry in answer["similar"]]
        assert len(cosines) == 10
        assert cosines == sorted(cosines, reverse=True)
    table = elman("inspect", trained / "word", "--similar", "cat")
    assert table.status == 0
    assert all(entry["word"] in table.output for entry in found[0]["similar"])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("word", "'zebra' is not among the 19 words with a vector."),
        ("char", "this lm run has no vectors of words."),
        ("ngram", "this lm run has no vectors of words."),
    ],
)
def test_words_and_runs_without_vectors_are_one_line(elman, trained, kind, message):
    answer = elman("inspect", trained / kind, "--similar", "zebra")
    assert (answer.status, answer.errors) == (2, f"elman inspect: {message}\n")


def test_vectors_are_measured_on_pairs_by_content(elman, trained, pairs):
    (found,) = objects(elman("evaluate", trained / "word", pairs, "--json"))
    assert (found["pairs"], found["found"]) == (4, 2)
    assert found["spearman"] in (1.0, -1.0)
    answer = elman("evaluate", trained / "char", pairs)
    assert answer.status == 2
    assert "this lm run has no vectors of words" in answer.errors


def test_a_file_of_vectors_takes_the_place_of_a_run(elman, tmp_path, pairs, text):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("cat 1 0\ndog 1 0\nmat 1 1\nrug 1 2\nto 1 0\ndoor -1 0\n")
    (found,) = objects(elman("evaluate", vectors, pairs, "--json"))
    assert found == {"pairs": 4, "found": 3, "spearman": pytest.approx(1.0)}
    answer = elman("evaluate", vectors, text)
    assert answer.status == 2
    assert "is not a run folder" in answer.errors


def test_a_damaged_line_of_pairs_is_named(elman, trained, tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text(PAIRS * 3 + "cat dog\n")
    answer = elman("evaluate", trained / "word", path)
    assert (answer.status, answer.output) == (2, "")
    assert "pairs.txt, line 13: expected two words and a finite number." in answer.errors


def test_several_files_are_measured_and_averaged(elman, trained, tmp_path, text):
    half = tmp_path / "half.txt"
    half.write_text("".join(text.read_text().splitlines(keepends=True)[:5]))
    alone = [objects(elman("evaluate", trained / "word", f, "--json"))[0] for f in (text, half)]
    *each, last = objects(elman("evaluate", trained / "word", text, half, "--json"))
    assert each == [{"data": str(text), **alone[0]}, {"data": str(half), **alone[1]}]
    measures = {name for name, value in alone[0].items() if isinstance(value, float)}
    assert set(last) == {"files", *measures}
    assert last["files"] == 2
    for name in measures:
        assert last[name] == pytest.approx((alone[0][name] + alone[1][name]) / 2)
    table = elman("evaluate", trained / "word", text, half).output
    assert "mean of 2" in table
    assert "half.txt" in table


def test_files_of_two_kinds_share_no_mean(elman, trained, pairs, text):
    *each, last = objects(elman("evaluate", trained / "word", text, pairs, "--json"))
    assert [set(found) & {"perplexity", "spearman"} for found in each] == [
        {"perplexity"},
        {"spearman"},
    ]
    assert last == {"files": 2}
    assert "spearman" in elman("evaluate", trained / "word", text, pairs).output
