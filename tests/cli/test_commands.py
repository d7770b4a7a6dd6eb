"""What commands answer when all is well; the JSON keys are a contract with scripts."""

import io
import json
import math
import sys
from pathlib import Path

import pytest

from elman.training import RunFolder, load


def objects(answer):
    assert answer.status == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


@pytest.fixture
def give_input(monkeypatch):
    """Puts bytes on standard input."""

    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


@pytest.mark.parametrize("kind", ["char", "word", "ngram"])
def test_evaluate(elman, trained, text, kind):
    (found,) = objects(elman("evaluate", trained / kind, text, "--json"))
    assert set(found) == {"tokens", "loss", "perplexity", "bits_per_token", "bits_per_character"}
    assert found["perplexity"] == pytest.approx(math.exp(found["loss"]))
    assert found["bits_per_token"] == pytest.approx(found["loss"] / math.log(2))
    total = found["bits_per_token"] * found["tokens"]
    assert found["bits_per_character"] == pytest.approx(total / len(text.read_text()))
    table = elman("evaluate", trained / kind, text)
    assert table.status == 0
    assert all(key in table.output for key in found)


@pytest.mark.parametrize("kind", ["char", "word", "ngram"])
def test_score(elman, trained, tmp_path, kind):
    texts = ["the cat", "", "a dog"]
    found = objects(elman("score", trained / kind, *texts, "--json"))
    assert [result["text"] for result in found] == texts
    for result in found:
        assert set(result) == {"text", "tokens", "log_probability", "perplexity"}
    (tmp_path / "lines").write_text("\n".join(texts) + "\n")
    assert objects(elman("score", trained / kind, "--file", "lines", "--json")) == found
    (detailed, *_) = objects(elman("score", trained / kind, *texts, "--json", "--tokens"))
    per_token = detailed.pop("per_token")
    assert detailed == found[0]
    assert all(set(token) == {"token", "log_probability"} for token in per_token)
    assert len(per_token) == detailed["tokens"]
    table = elman("score", trained / kind, *texts, "--tokens")
    assert table.status == 0
    assert "log-probability" in table.output


def test_generate(elman, trained):
    run = trained / "char"
    options = ["--prompt", "the", "--length", "30"]
    (found,) = objects(elman("generate", run, *options, "--json"))
    assert set(found) == {"text", "seed"}
    assert found["seed"] == 1
    assert found["text"].startswith("the")
    assert len(found["text"]) == 33
    assert elman("generate", run, *options).output == found["text"] + "\n"
    assert elman("generate", run, *options, "--seed", "2").output != found["text"] + "\n"
    assert len(objects(elman("generate", run, *options, "--json", "--count", "3"))) == 3
    beam = objects(elman("generate", run, *options, "--json", "--beam", "3", "--count", "2"))
    assert [set(result) for result in beam] == [{"text", "log_probability"}] * 2
    assert beam[0]["log_probability"] >= beam[1]["log_probability"]


def test_compare(elman, trained, text, tmp_path):
    runs = [trained / name for name in ("char", "ngram", "word")]
    found = objects(elman("compare", *runs, text, "--json", "--quiet", "--plot", "p.png"))
    assert [result["run"] for result in found] == [str(run) for run in runs]
    assert {result["unit"] for result in found} == {"character"}
    for result in found:
        assert result["loss"]["low"] <= result["loss"]["estimate"] <= result["loss"]["high"]
    (same, _) = objects(elman("compare", *runs[:2], text, "--json", "--quiet"))
    assert same["unit"] == "token"
    (measured,) = objects(elman("evaluate", runs[0], text, "--json"))
    assert same["loss"]["estimate"] == pytest.approx(measured["loss"], rel=1e-5)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert elman("compare", *runs, text).status == 0


def test_inspect(elman, trained, run_folder, text):
    found = objects(elman("inspect", run_folder, text, "--beside", trained / "ngram", "--json"))
    names = {
        "learning curves",
        "loss by position",
        "gradient by time lag",
        "recurrent Jacobian",
        "unit activations",
        "surprisal",
    }
    pictures = [result for result in found if "picture" in result]
    assert {result["picture"] for result in pictures} == names
    (medians,) = [result for result in found if result.get("table") == "recurrent Jacobian"]
    assert medians["run"] == "RUN"
    assert 0 < medians["spectral_radius"] < medians["largest_singular_value"]
    for result in pictures:
        with open(result["path"], "rb") as picture:
            assert picture.read(4) == b"\x89PNG"
    assert elman("inspect", run_folder, "--length", "2", "--units", "99").status == 0


def test_cells(elman):
    found = objects(elman("cells", "--json"))
    assert {"lstm", "elman", "gru"} <= {cell["cell"] for cell in found}
    assert all(cell["parameters"] > 0 and cell["paper"] != "-" for cell in found)
    assert elman("cells").status == 0


def test_train_prints_the_best_epoch(elman, text, tiny):
    options = [*tiny, "--epochs", "2", "--out", "RUN", "--json"]
    (found,) = objects(elman("train", "lm", text, *options))
    assert found["run"] == "RUN"
    records = [r for r in RunFolder(Path("RUN")).read_metrics() if r["split"] == "valid"]
    assert found["loss"] == min(record["loss"] for record in records)
    again = elman("train", "lm", text, *options, "--resume")
    assert objects(again) == [found]


def test_the_folder_may_exist_if_it_is_empty(elman, text, tiny, tmp_path):
    (tmp_path / "RUN").mkdir()
    assert elman("train", "lm", text, *tiny, "--out", "RUN").status == 0


def test_a_runs_own_settings_repeat_it(elman, text, tiny, tmp_path):
    first = ["--out", "A", "--valid", text, "--dropout", "0.2", "--seed", "5", *tiny]
    assert elman("train", "lm", text, *first).status == 0
    assert elman("train", "lm", "--config", "A/config.toml", "--out", "B", "--quiet").status == 0
    assert (tmp_path / "A/config.toml").read_bytes() == (tmp_path / "B/config.toml").read_bytes()
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "AB"]
    assert weights[0] == weights[1]
    # Flags win over the file.
    flags = ["--config=A/config.toml", "--out", "C", "--hidden-size", "9", "--quiet"]
    assert elman("train", "lm", *flags).status == 0
    assert load(tmp_path / "C").config.hidden_size == 9
    assert load(tmp_path / "C").config.dropout == 0.2


def test_standard_input_is_read_where_a_file_is(elman, text, tiny, trained, give_input, tmp_path):
    give_input(text.read_bytes())
    assert elman("train", "lm", "-", *tiny, "--out", "RUN").status == 0
    assert elman("train", "lm", text, *tiny, "--out", "FILE").status == 0
    names = ("RUN", "FILE")
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in names]
    assert weights[0] == weights[1]
    give_input(b"")
    assert elman("train", "lm", "-", *tiny, "--out", "RUN", "--resume").status == 0
    from_file = objects(elman("evaluate", trained / "char", text, "--json"))
    give_input(text.read_bytes())
    assert objects(elman("evaluate", trained / "char", "-", "--json")) == from_file
    from_file = objects(elman("score", trained / "word", "--file", text, "--json"))
    give_input(text.read_bytes())
    assert objects(elman("score", trained / "word", "--file", "-", "--json")) == from_file


def test_ctrl_c_before_anything_is_learnt_leaves_nothing(elman, text, tiny, tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("elman.tasks.language_model.reading.Corpus.build", interrupt)
    answer = elman("train", "lm", text, *tiny, "--out", "RUN")
    assert (answer.status, answer.output) == (130, "")
    assert answer.errors == "elman: interrupted: nothing had been learnt yet.\n"
    assert not (tmp_path / "RUN").exists()
