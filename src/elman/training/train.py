"""Joins a task, a learning rule and data into one training run."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from elman.errors import ConfigError
from elman.learning import Constant, Cosine, Plateau, Schedule, Stepwise, build_optimizer
from elman.tasks import find_task
from elman.tasks.task import Batching, Sources, Task, TrainingData
from elman.training.learners import build_learner
from elman.training.load import find_device, load
from elman.training.options import TrainingOptions
from elman.training.run_folder import RunFolder

if TYPE_CHECKING:
    from elman.training.loop import Loop


def train(
    kind: str,
    config: Any,
    options: TrainingOptions,
    sources: Sources,
    out: Path,
    *,
    resume: bool = False,
    quiet: bool = False,
) -> Task:
    """Train a model from raw files to a saved run.

    Args:
        kind: the task, a key of `elman.tasks.TASKS`.
        config: the task's settings.
        options: how it is trained.
        sources: the raw data.
        out: the run folder to make.
        resume: go on with an interrupted training in `out`.
        quiet: show no progress.

    Returns:
        The trained task, with its best weights.

    Raises:
        ElmanError: if settings, data or the run folder cannot be used, or the loss diverges.
        KeyboardInterrupt: if a person stops it; `resume` goes on from there.
    """
    find_device(options.device)
    run = RunFolder(out)
    with run.claimed():
        found = run.start(run_settings(kind, config, options, sources), resume=resume)
        if not (found and run.is_finished()):
            run.corpus.mkdir(exist_ok=True)  # there until the end, whatever the task keeps in it
            try:
                learn = _prepare(kind, config, options, sources, run, quiet=quiet)
            except BaseException:
                if not found:  # nothing has been learnt yet: leave no half-made run behind
                    shutil.rmtree(out, ignore_errors=True)
                raise
            learn()
            run.finish()
    task: Task = load(out)
    return task


def _prepare(
    kind: str,
    config: Any,
    options: TrainingOptions,
    sources: Sources,
    run: RunFolder,
    *,
    quiet: bool,
) -> Callable[[], object]:
    """Read the data and build the model; return what does the learning."""
    torch.manual_seed(options.seed)
    carried = options.learn != "bptt"
    batching = Batching(options.batch_size, options.batch_stride, carried, options.seed)
    task, data = find_task(kind).prepare(config, run.path, sources, batching)
    if task.is_counted:
        if options.learn not in ("bptt", "tbptt"):
            raise ConfigError(f"--learn {options.learn}: this model is counted; leave it out.")
        return partial(_count, task, data, run, (lambda line: None) if quiet else _say)
    return _build_loop(task, data, run, options, quiet=quiet).train


def run_settings(
    kind: str, config: Any, options: TrainingOptions, sources: Sources
) -> dict[str, Any]:
    """Return what makes a training what it is, as config.toml keeps it.

    Args:
        kind: the task.
        config: its settings.
        options: how it is trained.
        sources: the raw data.

    Returns:
        Values by the names of the command line's options, with underscores.
    """
    data = {
        "task": kind,
        "data": list(sources.train),
        "target": sources.target,
        "valid": sources.valid,
        "valid_target": sources.valid_target,
    }
    return {**data, **asdict(config), **asdict(options)}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _count(task: Task, data: TrainingData, run: RunFolder, say: Callable[[str], None]) -> None:
    from elman.training.recorder import Recorder

    started = time.perf_counter()
    task.fit(data, say)
    loss, measures, _ = data.validate(task.model, torch.device("cpu"))
    run.write_weights(task.arrays())
    seconds = time.perf_counter() - started
    recorder = Recorder(run, 0, 0)
    recorder.record("valid", 0, 1, loss=loss, **measures, seconds=seconds)
    recorder.close()


def _build_loop(
    task: Task, data: TrainingData, run: RunFolder, options: TrainingOptions, *, quiet: bool
) -> "Loop":
    # Both import slowly, and only training needs them.
    from lightning_fabric import Fabric

    from elman.training.loop import Loop

    precision: Literal["bf16-mixed", "32-true"] = (
        "bf16-mixed" if options.precision == "bf16" else "32-true"
    )
    fabric = Fabric(accelerator=options.device, devices=1, precision=precision)
    optimizer = build_optimizer(
        options.optimizer,
        task.model.parameters(),
        learning_rate=options.learning_rate,
        momentum=options.momentum,
        second_momentum=options.second_momentum,
        weight_decay=options.weight_decay,
    )
    model, optimizer = fabric.setup(task.model, optimizer)
    batches: Sequence[Any] = data.batches(0)
    steps = options.epochs * len(batches)
    return Loop(
        run,
        model,
        build_learner(options, model, optimizer, fabric.backward, batches[0]),
        _build_schedule(options, steps),
        data,
        keep=lambda: run.write_weights(task.arrays()),
        epochs=options.epochs,
        patience=options.patience,
        quiet=quiet,
    )


def _build_schedule(options: TrainingOptions, steps: int) -> Schedule:
    warmup = min(options.warmup, steps // 10)  # a short training must not end while it warms up
    if options.schedule == "cosine":
        return Cosine(steps, warmup=warmup)
    if options.schedule == "step":
        return Stepwise(options.decay_after, rate=options.decay, warmup=warmup)
    if options.schedule == "plateau":
        return Plateau(rate=options.decay, warmup=warmup)
    return Constant(warmup)
