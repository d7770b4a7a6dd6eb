"""What `elman inspect` shows of language models, side by side."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Integer

from elman.errors import DataError
from elman.plots import (
    Spectrum,
    gradient_norm_by_lag,
    loss_by_position,
    recurrent_jacobians,
    unit_activations,
)
from elman.tasks.language_model import inspection
from elman.tasks.language_model.surprisal import show_surprisal
from elman.tasks.task import Finding

if TYPE_CHECKING:
    from elman.tasks.language_model.task import LanguageModelTask


def look_at(
    tasks: "Mapping[str, LanguageModelTask]",
    file: str,
    folder: Path,
    length: int = 100,
    characters: int = 400,
    units: int = 4,
    jacobians: int = 25,
) -> Iterator[Finding]:
    """Look at language models: how far back they see, what surprises them, what units follow.

    Args:
        tasks: the models by the names the pictures give them; the first is the one whose
            units and surprisal are shown.
        file: a text file.
        folder: where pictures are written.
        length: tokens of the windows that gradients and positions are measured on.
        characters: how much of the text the pictures of surprisal and units show.
        units: units shown.
        jacobians: time steps of the first window at which the recurrent Jacobian is taken.

    Yields:
        What was found, each when it is made.

    Raises:
        DataError: if the file cannot be read, or has too few tokens.
    """
    yield from _through_time(tasks, file, folder, length)
    yield from _jacobians(tasks, file, folder, length, jacobians)
    first = next(iter(tasks.values()))
    yield show_surprisal(first, file, folder, characters)
    if first.config.model != "ngram":
        yield _units(first, file, folder, characters, units)


def _through_time(
    tasks: "Mapping[str, LanguageModelTask]", file: str, folder: Path, length: int
) -> Iterator[Finding]:
    norms, losses = {}, {}
    for name, task in tasks.items():
        with task.reading(file) as corpus:
            if len(corpus.tokens) < 3:
                raise DataError(f"{file} has too few tokens to look at the model with.")
            windows = inspection.cut_windows(corpus.tokens, min(length, len(corpus.tokens)))
        losses[name] = inspection.loss_by_position(task.model, windows, task.tokenizer.boundary)
        if task.config.model != "ngram":
            norms[name] = inspection.gradient_by_lag(task.model, windows)
    path = folder / "loss_by_position.png"
    loss_by_position(losses, path)
    yield Finding("loss by position", path)
    if norms and all(math.isfinite(n[0]) and n[0] > 0 for n in norms.values()):
        path = folder / "gradient_by_lag.png"
        gradient_norm_by_lag(norms, path)
        yield Finding("gradient by time lag", path)


def _jacobians(
    tasks: "Mapping[str, LanguageModelTask]", file: str, folder: Path, length: int, count: int
) -> Iterator[Finding]:
    spectra, rows = {}, []
    for name, task in tasks.items():
        if task.config.model != "rnn":
            continue
        trace = inspection.jacobians(task.model, _beginning(task, file, length), count)
        radius, values = trace.spectral_radius.numpy(), trace.singular_values.numpy()
        spectra[name] = Spectrum(trace.steps, radius, values)
        medians = {
            "spectral_radius": float(np.median(radius)),
            "largest_singular_value": float(np.median(values[:, 0])),
        }
        rows.append({"run": name, **medians})
    if spectra:
        path = folder / "recurrent_jacobian.png"
        recurrent_jacobians(spectra, path)
        yield Finding("recurrent Jacobian", path, rows)


def _units(
    task: "LanguageModelTask", file: str, folder: Path, characters: int, count: int
) -> Finding:
    # Characters are at least as many as tokens, whatever a token is.
    ids = _beginning(task, file, characters)
    seen = inspection.unit_activations(task.model, task.tokenizer, ids, count)
    kept, total = 0, 0
    while kept < len(seen.tokens) and total < characters:
        total += len(seen.tokens[kept])
        kept += 1
    path = folder / "unit_activations.png"
    labels = [f"unit {unit}" for unit in seen.units]
    gap = int(task.config.unit == "word")
    unit_activations(seen.tokens[:kept], seen.activations[:kept], labels, path, gap=gap)
    return Finding("unit activations", path)


def _beginning(task: "LanguageModelTask", file: str, tokens: int) -> Integer[np.ndarray, " time"]:
    with task.reading(file) as corpus:
        return corpus.tokens[:tokens].copy()
