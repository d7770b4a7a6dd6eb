"""Joins a task, a learning rule and data into one training run."""

import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from elman.learning import (
    BPTT,
    Constant,
    Cosine,
    GradientLearner,
    Plateau,
    Schedule,
    Stepwise,
    TruncatedBPTT,
    build_optimizer,
)
from elman.metrics.language import perplexity
from elman.tasks import find_task
from elman.tasks.task import Batching, Sources, Task, TrainingData
from elman.training.options import TrainingOptions
from elman.training.run_folder import RunFolder


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
    run = RunFolder(out)
    found = run.start(run_settings(kind, config, options, sources), resume=resume)
    torch.manual_seed(options.seed)
    carried = options.learn == "tbptt"
    batching = Batching(options.batch_size, options.batch_stride, carried, options.seed)
    try:
        task, data = find_task(kind).prepare(config, out, sources, batching)
    except BaseException:
        if not found:  # nothing has been learnt yet: leave no half-made run behind
            shutil.rmtree(out, ignore_errors=True)
        raise
    if task.is_counted:
        _count(task, data, run)
    else:
        _train_by_gradients(task, data, run, options, quiet=quiet)
        task.restore(run.read_weights())
    shutil.rmtree(out / "corpus", ignore_errors=True)
    return task


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
    data = {"task": kind, "data": list(sources.train), "valid": sources.valid}
    return {**data, **asdict(config), **asdict(options)}


def _count(task: Task, data: TrainingData, run: RunFolder) -> None:
    from elman.training.recorder import Recorder

    started = time.perf_counter()
    task.fit(data)
    loss = data.validate(task.model, torch.device("cpu"))
    run.write_weights(task.arrays())
    seconds = time.perf_counter() - started
    recorder = Recorder(run, 0, 0)
    recorder.record("valid", 0, 1, loss=loss, perplexity=perplexity(loss), seconds=seconds)
    recorder.close()


def _train_by_gradients(
    task: Task, data: TrainingData, run: RunFolder, options: TrainingOptions, *, quiet: bool
) -> None:
    # Both import slowly, and only training needs them.
    from lightning_fabric import Fabric

    from elman.training.loop import Loop

    precision = "bf16-mixed" if options.precision == "bf16" else "32-true"
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
    steps = options.epochs * len(data.batches(0))
    loop = Loop(
        run,
        model,
        _build_learner(options, optimizer, fabric.backward),
        _build_schedule(options, steps),
        data,
        keep=lambda: run.write_weights(task.arrays()),
        epochs=options.epochs,
        patience=options.patience,
        quiet=quiet,
    )
    loop.train()


def _build_learner(options: TrainingOptions, optimizer: Any, backward: Any) -> GradientLearner:
    if options.learn == "tbptt":
        return TruncatedBPTT(
            optimizer, horizon=options.batch_horizon, clip=options.clip, backward=backward
        )
    return BPTT(optimizer, clip=options.clip, backward=backward)


def _build_schedule(options: TrainingOptions, steps: int) -> Schedule:
    if options.schedule == "cosine":
        return Cosine(steps, warmup=options.warmup)
    if options.schedule == "step":
        return Stepwise(options.decay_after, rate=options.decay, warmup=options.warmup)
    if options.schedule == "plateau":
        return Plateau(rate=options.decay, warmup=options.warmup)
    return Constant(options.warmup)
