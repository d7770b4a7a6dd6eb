"""The shipped settings on the Stanford Sentiment Treebank."""

import pytest

from elman.cli.main import run
from elman.training import load


@pytest.mark.slow
def test_one_epoch_reaches_the_published_figures_for_random_vectors(data_folder, tmp_path):
    trees = data_folder / "sst" / "trees"
    files = [str(trees / "train.txt"), "--valid", str(trees / "dev.txt")]
    out = str(tmp_path / "RUN")
    options = ["--config", "sst-tree", "--epochs", "1", "--out", out, "--quiet"]
    assert run(["train", "tree", *files, *options]) == 0
    task = load(out)
    with task.reading(str(trees / "dev.txt")) as read:
        found = task.evaluate(read)
    assert found["root_accuracy"] > 0.43
    assert found["binary_accuracy"] > 0.83
