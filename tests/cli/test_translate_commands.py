"""Translation at the command line: from raw files to a run that is measured and asked."""

import json
import shutil
from pathlib import Path

import pytest

from elman.cli.main import run

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four"}
PAIRS = [([a, b, a], [WORDS[a], WORDS[b], WORDS[a]]) for a in WORDS for b in WORDS]
SMALL = ["--hidden-size", "32", "--embedding-size", "16", "--out", "RUN", "--quiet"]
LEARN = ["--batch-size", "2", "--learning-rate", "0.03", "--warmup", "0", "--dropout", "0"]
ALIGNED = ["--source", "a.de", "--target", "a.en"]
HELD_OUT = ["--valid-source", "a.de", "--valid-target", "a.en"]
SOUNDS = "AB\tAH B\nBA\tB AH\nABA\tAH B AH\nBB\tB\nBB\tB B\n"


def objects(answer):
    assert answer.status == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two files, line by line translations of each other, one of pairs, and a run of a moment."""
    folder = tmp_path_factory.mktemp("translations")
    (folder / "a.de").write_text("".join(f"{' '.join(de)}.\n" for de, _ in PAIRS))
    (folder / "a.en").write_text("".join(f"{' '.join(en)}.\n" for _, en in PAIRS))
    (folder / "sounds.tsv").write_text(SOUNDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = [*ALIGNED, *HELD_OUT, "--unit", "word", *SMALL, *LEARN, "--epochs", "24"]
        assert run(["train", "translate", *options]) == 0
    return folder


@pytest.fixture
def elman_there(elman, folder, tmp_path):
    """Calls `elman` beside copies of the files."""
    for name in ("a.de", "a.en", "sounds.tsv"):
        shutil.copy(folder / name, tmp_path)
    return elman


@pytest.fixture
def taught(elman_there, folder, tmp_path):
    """Calls `elman` beside a copy of the run."""
    shutil.copytree(folder / "RUN", tmp_path / "RUN")
    return elman_there


def test_from_raw_files_to_raw_text(taught, tmp_path):
    (found,) = objects(taught("evaluate", "RUN", *ALIGNED, "--json"))
    assert set(found) == {"sentences", "bleu", "bleu_lowercase", "chrf"}
    assert found["bleu"] == pytest.approx(100.0)
    (greedy,) = objects(taught("evaluate", "RUN", *ALIGNED, "--beam", "1", "--json"))
    assert greedy["bleu"] == pytest.approx(100.0)
    (answer,) = objects(taught("predict", "RUN", "zwei drei zwei.", "--beam", "3", "--json"))
    assert answer["output"] == "two three two."
    assert len(answer["alternatives"]) == 3
    assert answer["alternatives"][0]["output"] == answer["output"]
    assert answer["score"] == answer["alternatives"][0]["score"]
    sizes = {len(row) for row in answer["attention"]}
    assert len(answer["attention"]) == len(answer["target_tokens"])
    assert sizes == {len(answer["source_tokens"])}
    (tmp_path / "lines.txt").write_text("drei vier drei.\n\neins zwei eins.\n")
    shown = taught("predict", "RUN", "--file", "lines.txt").output
    assert shown == "three four three.\n\none two one.\n"


def test_a_language_model_has_a_say(taught, trained):
    other = trained / "word"
    asked = ("predict", "RUN", "zwei drei zwei.", "--beam", "3", "--rescore", other)
    (answer,) = objects(taught(*asked, "--rescore-weight", "0.5", "--json"))
    scores = [found["score"] for found in answer["alternatives"]]
    assert scores == sorted(scores, reverse=True)
    (unweighed,) = objects(taught(*asked, "--rescore-weight", "0", "--json"))
    (alone,) = objects(taught(*asked[:5], "--json"))
    assert [found["output"] for found in unweighed["alternatives"]] == [
        found["output"] for found in alone["alternatives"]
    ]
    (measured,) = objects(taught("evaluate", "RUN", *ALIGNED, "--rescore", other, "--json"))
    assert measured["sentences"] == 16


def test_interrupted_it_says_how_many_answers_there_are(taught, monkeypatch):
    def interrupted(*_, **__):
        yield {"input": "a", "output": "b"}
        raise KeyboardInterrupt

    monkeypatch.setattr("elman.tasks.translation.TranslationTask.predict", interrupted)
    answer = taught("predict", "RUN", "a", "c")
    assert (answer.status, answer.output) == (130, "b\n")
    assert answer.errors == "elman: interrupted: 1 answers were written.\n"


def test_inspect_draws_attention(taught):
    assert taught("inspect", "RUN").status == 0
    picture = Path("RUN/plots/attention-1.png")
    before = picture.read_bytes()
    Path("pairs.tsv").write_text("vier drei eins.\tfour three one.\n")
    assert taught("inspect", "RUN", "pairs.tsv").status == 0
    assert picture.read_bytes() != before


def test_the_settings_of_a_run_repeat_it(taught):
    assert taught("train", "translate", "--config", "RUN/config.toml", "--out", "B").status == 0
    first, second = (Path(name, "model.safetensors").read_bytes() for name in ("RUN", "B"))
    assert first == second


def test_pronunciations(elman_there):
    units = ["--source-unit", "char", "--target-unit", "word"]
    learn = [*units, *SMALL, *LEARN, "--epochs", "25"]
    options = ["sounds.tsv", "--valid", "sounds.tsv", *learn]
    assert elman_there("train", "translate", *options).status == 0
    (found,) = objects(elman_there("evaluate", "RUN", "sounds.tsv", "--json"))
    assert found == {"words": 4, "word_error": 0.0, "phoneme_error": 0.0}
    assert elman_there("predict", "RUN", "aba").output == "aba\tAH B AH\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--attention", "none", "--num-layers", "2", "--length-normalisation", "power"],
        ["--attention", "additive", "--cell", "gru", "--coverage-penalty", "0.2"],
        ["--input-feeding", "--scheduled-sampling", "0.3", "--unit", "char"],
        ["--model", "transformer", "--heads", "2", "--tie"],
    ],
)
def test_every_form_runs(elman_there, options):
    given = [*ALIGNED, "--unit", "word", *options, *SMALL, "--epochs", "1"]
    assert elman_there("train", "translate", *given).status == 0
    assert set(objects(elman_there("evaluate", "RUN", *ALIGNED, "--json"))[0]) > {"bleu"}
    assert Path("RUN/held_out.tsv").read_text().count("\t") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["sounds.tsv", "--source", "a.de", "--target", "a.en"], "not both"),
        (["--source", "a.de"], "--source needs --target"),
        ([], "name a file of pairs, or --source and --target"),
        (["--source", "a.de", "--target", "short"], "a.de has 16 lines and short has 2"),
        (["--source", "a.de", "--target", "a.en", "--valid-source", "a.de"], "name both files"),
        (["sounds.tsv", "--beam", "0"], "--beam must be at least 1"),
        (["a.de"], "a.de, line 1: expected source<TAB>target, got 1 columns"),
        (["sounds.tsv", "--learn", "tbptt"], "leave it out"),
    ],
)
def test_what_cannot_be_learnt_is_told_in_one_line(elman_there, tmp_path, options, message):
    (tmp_path / "short").write_text("one\ntwo\n")
    answer = elman_there("train", "translate", *options, *SMALL)
    assert answer.status == 2
    assert message in answer.errors
    assert len(answer.errors.splitlines()) == 1
    assert not Path("RUN").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("evaluate RUN --source a.de", "--source and --target go together"),
        ("evaluate RUN sounds.tsv --source a.de --target a.en", "not both"),
        ("evaluate RUN --source a.de --target sounds.tsv", "has 16 lines and sounds.tsv has 5"),
        ("predict RUN eins --beam 0", "--beam must be at least 1, got 0"),
        ("evaluate RUN sounds.tsv --beam 0", "--beam must be at least 1, got 0"),
        ("predict RUN eins --rescore RUN", "RUN is a run of task 'translate'; this command is"),
        ("predict RUN eins --rescore-weight 0.5", "name its run by --rescore"),
        ("predict RUN eins --rescore-weight -1", "--rescore-weight must be at least 0, got -1"),
    ],
)
def test_what_cannot_be_answered_is_told_in_one_line(taught, arguments, message):
    answer = taught(*arguments.split())
    assert answer.status == 2
    assert message in answer.errors
    assert len(answer.errors.splitlines()) == 1


def test_pairs_and_beams_are_for_translations(elman, run_folder):
    answer = elman("evaluate", "RUN", "--source", "a", "--target", "b")
    assert answer.status == 2
    assert "for runs of task 'translate'" in answer.errors
