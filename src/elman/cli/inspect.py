"""`elman inspect`: pictures of a run and of what its model does."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from elman.cli.common import RunArguments, load_language_model
from elman.cli.output import print_json, tell
from elman.cli.parse import parse
from elman.config import Count, Range, check_ranges
from elman.errors import ConfigError


@dataclass(frozen=True)
class InspectArguments(RunArguments):
    """Draw learning curves and gradient norms; of a language model also how far back it sees.

    These are gradients by time lag, recurrent Jacobians, loss by position and units over a text.
    The pictures are written to RUN/plots.
    """

    input: tyro.conf.Positional[str | None] = None
    """text file to look at the model with; the run's own validation file if not given"""
    beside: tuple[str, ...] = ()
    """further runs to draw into the pictures of gradients, Jacobians and positions"""
    length: Annotated[int, Range(2)] = 100
    """tokens of the windows that gradients and positions are measured on"""
    characters: Count = 400
    """how much of the text the picture of units shows"""
    units: Count = 4
    """units shown"""
    jacobians: Count = 25
    """time steps of the first window at which the recurrent Jacobian is taken"""

    def __post_init__(self) -> None:
        check_ranges(self)


def run(arguments: Sequence[str]) -> None:
    """Draw the pictures of a run.

    Args:
        arguments: what stands after `inspect`.

    Raises:
        ElmanError: if a run or the text cannot be used.
    """
    options = parse(InspectArguments, arguments, "inspect")

    from elman.training.run_folder import RunFolder

    folder = RunFolder(Path(options.run))
    settings = folder.read_settings()
    folder.plots.mkdir(exist_ok=True)
    pictures = _learning_curves(folder) | _clipping(folder, settings["clip"], options)
    if settings["task"] == "lm":
        pictures |= _language_model(folder, settings, options)
    for name, path in pictures.items():
        if options.json:
            print_json({"picture": name, "path": str(path)})
        else:
            tell(f"{name}: {path}", quiet=options.quiet)


def _language_model(
    folder: Any, settings: dict[str, Any], options: InspectArguments
) -> dict[str, Path]:
    text = options.input or settings.get("valid") or settings["data"][-1]
    if text == "-":
        raise ConfigError("inspect reads the text several times: give a file for it.")
    tasks = {
        name: load_language_model(name, options.device) for name in (options.run, *options.beside)
    }
    pictures = _through_time(folder, tasks, text, options.length)
    pictures |= _jacobians(folder, tasks, text, options)
    if settings["model"] != "ngram":
        pictures |= _units(folder, tasks[options.run], text, options)
    return pictures


def _learning_curves(folder: Any) -> dict[str, Path]:
    from elman.plots import learning_curves

    records = folder.read_metrics()
    if not records:
        return {}
    path = folder.plots / "learning_curves.png"
    learning_curves(records, path)
    return {"learning curves": path}


def _clipping(folder: Any, clip: float, options: InspectArguments) -> dict[str, Path]:
    from elman.plots import clipped_updates

    records = [r for r in folder.read_metrics() if r.get("gradient_norm") and "clipped" in r]
    if not records:
        return {}
    share = sum(record["clipped"] for record in records) / len(records)
    tell(f"clipped updates: {share:.1%} (clip {clip:g})", quiet=options.quiet)
    path = folder.plots / "gradient_norm.png"
    clipped_updates(records, clip, path)
    return {"gradient norm": path}


def _jacobians(
    folder: Any, tasks: dict[str, Any], text: str, options: InspectArguments
) -> dict[str, Path]:
    from elman.plots import Spectrum, recurrent_jacobians
    from elman.tasks.language_model import inspection

    spectra = {}
    for name, task in tasks.items():
        if task.config.model != "rnn":
            continue
        with task.reading(text) as corpus:
            ids = corpus.tokens[: options.length].copy()
        steps, radius, values = inspection.jacobians(task.model, ids, options.jacobians)
        spectra[Path(name).name] = Spectrum(steps, radius.numpy(), values.numpy())
        tell(
            f"{Path(name).name}: spectral radius {radius.median():.3f}, largest singular value "
            f"{values[:, 0].median():.3f} of the recurrent Jacobian (medians over time)",
            quiet=options.quiet,
        )
    if not spectra:
        return {}
    path = folder.plots / "recurrent_jacobian.png"
    recurrent_jacobians(spectra, path)
    return {"recurrent Jacobian": path}


def _through_time(folder: Any, tasks: dict[str, Any], text: str, length: int) -> dict[str, Path]:
    from elman.plots import gradient_norm_by_lag, loss_by_position
    from elman.tasks.language_model import inspection

    norms, losses = {}, {}
    for name, task in tasks.items():
        label = Path(name).name
        with task.reading(text) as corpus:
            if len(corpus.tokens) < 3:
                raise ConfigError(f"{text} has too few tokens to look at the model with.")
            windows = inspection.cut_windows(corpus.tokens, min(length, len(corpus.tokens)))
        boundary = task.tokenizer.boundary
        losses[label] = inspection.loss_by_position(task.model, windows, boundary)
        if task.config.model != "ngram":
            norms[label] = inspection.gradient_by_lag(task.model, windows)
    pictures = {"loss by position": folder.plots / "loss_by_position.png"}
    loss_by_position(losses, pictures["loss by position"])
    if norms and all(math.isfinite(n[0]) and n[0] > 0 for n in norms.values()):
        pictures["gradient by time lag"] = folder.plots / "gradient_by_lag.png"
        gradient_norm_by_lag(norms, pictures["gradient by time lag"])
    return pictures


def _units(folder: Any, task: Any, text: str, options: InspectArguments) -> dict[str, Path]:
    from elman.plots import unit_activations
    from elman.tasks.language_model import inspection

    with task.reading(text) as corpus:
        # Characters are at least as many as tokens, whatever a token is.
        ids = corpus.tokens[: options.characters].copy()
    seen = inspection.unit_activations(task.model, task.tokenizer, ids, options.units)
    kept, total = 0, 0
    while kept < len(seen.tokens) and total < options.characters:
        total += len(seen.tokens[kept])
        kept += 1
    path = folder.plots / "unit_activations.png"
    labels = [f"unit {unit}" for unit in seen.units]
    gap = int(task.config.unit == "word")
    unit_activations(seen.tokens[:kept], seen.activations[:kept], labels, path, gap=gap)
    return {"unit activations": path}
