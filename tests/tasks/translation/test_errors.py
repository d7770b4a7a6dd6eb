"""What is told of errors: shares, groups, examples, and the picture."""

import pytest

from elman.tasks.translation.answers import Answer, Translation
from elman.tasks.translation.errors import EXAMPLES, look_at_errors
from elman.tasks.translation.reading import Pair

BLAMES = ("right", "search", "model", "unwritable")
TRUE = [
    Pair("eins zwei!", "one two!"),
    Pair("drei vier drei!", "three four three!"),
    Pair("zwei zwei!", "two two!"),
]
FALSE = [
    Pair("eins drei!", "one one!"),
    Pair("vier zwei vier!", "four!"),
    Pair("zwei vier!", "two seven!"),
    Pair("vier eins!", "two two three!"),
    Pair("drei eins!", "two four!"),
    Pair("drei eins!", "one four!"),
]


@pytest.fixture
def look(learnt, tmp_path):
    """Looks at the errors of a task that knows its sentences; gives what was found by name."""

    def call(pairs, **beside):
        findings = look_at_errors({"own": learnt[0], **beside}, pairs, tmp_path)
        return {finding.name: finding for finding in findings}

    return call


def test_shares_add_up_for_every_beam_width(look):
    rows = look(TRUE + FALSE)["errors by beam width"].rows
    assert [row["beam"] for row in rows] == [1, 2, 5, 10]
    for row in rows:
        assert row["sentences"] == 9
        assert row["right"] == pytest.approx(3 / 9)
        assert row["unwritable"] == pytest.approx(1 / 9)
        assert sum(row[blame] for blame in BLAMES) == pytest.approx(1.0)
        assert row["log_probability"] <= 0.0
        assert 0.0 < row["bleu"] < 100.0
    assert rows[-1]["search"] == 0.0


def test_the_beam_of_the_settings_is_there(learn, tmp_path):
    task, _, _ = learn(beam=3)
    by_width, *_ = look_at_errors({"own": task}, TRUE, tmp_path)
    assert [row["beam"] for row in by_width.rows] == [1, 2, 3, 5, 10]


def test_lengths_are_those_of_the_sources(look):
    rows = look(TRUE + FALSE)["errors by source length"].rows
    assert [(row["source_tokens"], row["sentences"]) for row in rows] == [("3", 7), ("4", 2)]
    assert [row["right"] for row in rows] == pytest.approx([2 / 7, 1 / 2])
    for row in rows:
        assert sum(row[blame] for blame in BLAMES) == pytest.approx(1.0)


def test_examples_are_those_of_the_largest_gaps(look):
    rows = look(TRUE + FALSE)["examples"].rows
    references, outputs = rows[::2], rows[1::2]
    assert len(references) == EXAMPLES
    pairs = {(row["source"], row["text"]) for row in references}
    assert pairs <= {tuple(pair) for pair in FALSE}
    gaps = [o["score"] - r["score"] for r, o in zip(references, outputs, strict=True)]
    assert gaps == sorted(gaps, reverse=True)
    assert min(gaps) > 0.0
    assert {row["blame"] for row in rows} == {"model"}
    assert {row["target"] for row in references} == {"reference"}
    assert "three one!" in {row["text"] for row in outputs}


def test_all_right_has_no_examples(look):
    found = look(TRUE)
    assert found["examples"].rows == []
    rows = found["errors by source length"].rows
    assert [row["right"] for row in rows] == [1.0, 1.0]
    assert rows[1]["bleu"] == pytest.approx(100.0)  # the others have no four words in a row


def test_runs_are_drawn_side_by_side(look, learn):
    alone = look(TRUE + FALSE)["quality by source length"]
    picture = alone.picture.read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert not alone.rows
    together = look(TRUE + FALSE, other=learn(attention="none")[0])["quality by source length"]
    assert together.picture.read_bytes() != picture
    assert [row["run"] for row in together.rows] == ["own", "own", "other", "other"]
    assert together.rows[0]["bleu"] > together.rows[2]["bleu"]


class Counted:
    """Stands for a system without probabilities, which knows the source as its translation."""

    is_counted = True

    def __init__(self, config):
        self.config = config

    def search(self, beam, wanted):
        return type("Search", (), {"beam": beam or 5})

    def translate(self, lines, search):
        for line in lines:
            yield Answer([*line.split(), "<eos>"], [Translation(line, 2.0, None, [], None)])


def test_without_probabilities_nothing_is_blamed(learnt, tmp_path):
    counted = Counted(learnt[0].config)
    pairs = [Pair("a b c d e", "a b c d e"), Pair("f", "g")]
    tasks = {"counted": counted, "own": learnt[0]}
    found = {f.name: f for f in look_at_errors(tasks, pairs, tmp_path)}
    for name in ("errors by beam width", "errors by source length"):
        assert not {"search", "model", "log_probability"} & found[name].rows[0].keys()
    assert {row["right"] for row in found["errors by beam width"].rows} == {0.5}
    assert [row["right"] for row in found["errors by source length"].rows] == [0.0, 1.0]
    assert found["examples"].rows == []
    assert found["quality by source length"].picture.exists()


def test_pronunciations_of_one_word_count_once(learn, tmp_path):
    task, _, _ = learn(source_unit="char", target_unit="word")
    pairs = [Pair("eins", "one"), Pair("eins", "one two"), Pair("zwei", "two")]
    found = {f.name: f for f in look_at_errors({"own": task}, pairs, tmp_path)}
    row, *_ = found["errors by beam width"].rows
    assert row["sentences"] == 2
    assert row["word_error"] == pytest.approx(1.0 - row["right"])
    assert "phoneme_error" in row
    assert found["errors by source length"].rows[0]["source_tokens"] == "4"
