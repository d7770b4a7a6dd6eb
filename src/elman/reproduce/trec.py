"""Questions told apart by what they ask for, ten-fold."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from elman.config import from_mapping, read_toml, settings_file, values_of
from elman.data.prepare.item import HEADER
from elman.data.prepare.trec import TREC
from elman.errors import DataError
from elman.reproduce.experiment import Experiment, Row
from elman.tasks.classification import ClassificationConfig
from elman.tasks.task import Sources
from elman.training import TrainingOptions, train

FOLDS = 10
HELD_OUT = 20
"""One in so many of the other questions sets the temperature and chooses the epoch."""
SHUFFLE = 1
"""Seed of the order that the folds are cut from, the same for all of them."""
SYSTEMS: dict[str, Literal["rnn", "mlp"]] = {"bidirectional LSTM": "rnn", "bags of n-grams": "mlp"}
TARGET = 0.90


def split(rows: Sequence[str], fold: int) -> tuple[list[str], list[str], list[str]]:
    """Split questions.

    Args:
        rows: the questions with their labels.
        fold: which tenth to measure on, from 1; they start again after the last.

    Returns:
        Those to learn from, those held out meanwhile, and those to measure on.
    """
    order = np.random.default_rng(SHUFFLE).permutation(len(rows))
    place = np.arange(len(rows))
    measured = place % FOLDS == (fold - 1) % FOLDS
    others = order[~measured]
    held = np.arange(len(others)) % HELD_OUT == 0
    train_rows, valid_rows, test_rows = (
        [rows[row] for row in part] for part in (others[~held], others[held], order[measured])
    )
    return train_rows, valid_rows, test_rows


def measure(model: Literal["rnn", "mlp"], folder: Path, seed: int) -> float:
    """Train the shipped setting on a fold.

    Args:
        model: what is trained.
        folder: holds the three parts, and takes the run.
        seed: of the training.

    Returns:
        Accuracy on the part to measure on.
    """
    path = settings_file("trec")
    values = read_toml(path)
    config = from_mapping(ClassificationConfig, values_of(ClassificationConfig, values), str(path))
    options = from_mapping(TrainingOptions, values_of(TrainingOptions, values), str(path))
    task: Any = train(
        "classify",
        replace(config, model=model),
        replace(options, seed=seed, device="cpu"),
        Sources((str(folder / "train.tsv"),), str(folder / "valid.tsv")),
        folder / model,
        quiet=True,
    )
    with task.reading(str(folder / "test.tsv")) as rows:
        return float(task.evaluate(rows)["accuracy"])


def run(seed: int) -> Mapping[str, float]:
    """Measure one fold; see `EXPERIMENT`.

    Args:
        seed: the fold, from 1, and the seed of both trainings.

    Returns:
        Accuracy by system.

    Raises:
        DataError: if the questions are not there.
    """
    root = os.environ.get("ELMAN_DATA")
    if root is None:
        raise DataError(
            "trec reads the questions as they are distributed: set ELMAN_DATA to the folder that "
            "holds sentence_classification/TREC.train."
        )
    file = Path(root) / "sentence_classification" / "TREC.train"
    parts = split([item.text for item in TREC.items([str(file)])], seed)
    with TemporaryDirectory() as folder:
        for name, part in zip(("train", "valid", "test"), parts, strict=True):
            text = "\n".join([HEADER, *part]) + "\n"
            (Path(folder) / f"{name}.tsv").write_text(text, "utf-8")
        return {name: measure(model, Path(folder), seed) for name, model in SYSTEMS.items()}


EXPERIMENT = Experiment(
    paper="Li & Roth 2002, Learning question classifiers (its test set is not used: ten-fold "
    "cross-validation on the 5,452 training questions, so no published number)",
    setting="Six classes of questions; seed k measures the k-th tenth of the shuffled questions "
    "and learns from the others, one in 20 of which chooses the epoch. The shipped setting trec, "
    "and the same with --model mlp. 71 questions stand twice in the file.",
    rows=tuple(
        Row(name, "accuracy", target=TARGET if model == "rnn" else None, higher_is_better=True)
        for name, model in SYSTEMS.items()
    ),
    run=run,
    seeds=FOLDS,
)
"""The experiment."""
