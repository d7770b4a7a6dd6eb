"""The shipped settings on the Penn Treebank."""

import pytest

from elman.cli.main import run
from elman.training import load


@pytest.mark.slow
def test_two_sides_find_more_words_than_one(data_folder, tmp_path):
    text = data_folder / "ptb"
    files = [str(text / "ptb.train.txt"), "--valid", str(text / "ptb.valid.txt")]
    found = {}
    for sides in ("both", "left"):
        out = str(tmp_path / sides)
        options = ["--config", "ptb-fill", "--epochs", "1", "--sides", sides, "--quiet"]
        assert run(["train", "fill", *files, "--out", out, *options]) == 0
        task = load(out)
        with task.reading(str(text / "ptb.valid.txt")) as sentences:
            found[sides] = task.evaluate(sentences)
    assert found["both"]["words"] == found["left"]["words"] == 70390
    assert found["both"]["accuracy"] > 0.25 > 0.2 > found["left"]["accuracy"]
    assert found["both"]["mean_rank"] < found["left"]["mean_rank"]
