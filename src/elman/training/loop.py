"""The training loop: batches to updates, epochs to validation, best weights kept."""

import math
import time
from collections.abc import Callable
from typing import Any

from elman.errors import DivergenceError
from elman.learning import Learner, Schedule
from elman.tasks.task import TrainingBatch, TrainingData
from elman.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from elman.training.interrupt import deferred_interrupt
from elman.training.progress_bar import ProgressBar, progress_bar
from elman.training.recorder import Recorder
from elman.training.run_folder import RunFolder

CHECKPOINT_SECONDS = 30.0
"""Time between checkpoints within an epoch; a kill loses at most this much work."""
STEPS_PER_RECORD = 50
"""Updates between two lines of training metrics."""


class Loop:
    """One training run.

    Args:
        run: where everything is written.
        model: the model, on its device.
        learner: the learning rule.
        schedule: the learning-rate schedule.
        data: batches to learn from, and the validation.
        keep: writes the present weights as the best.
        epochs: passes over the training data.
        patience: epochs without a better validation loss before stopping; None never stops.
        quiet: show no progress.
    """

    def __init__(
        self,
        run: RunFolder,
        model: Any,
        learner: Learner,
        schedule: Schedule,
        data: TrainingData,
        keep: Callable[[], None],
        *,
        epochs: int,
        patience: int | None,
        quiet: bool,
    ) -> None:
        self.run = run
        self.model = model
        self.learner = learner
        self.schedule = schedule
        self.data = data
        self.keep = keep
        self.epochs = epochs
        self.patience = patience
        self.quiet = quiet
        self.device = next(model.parameters()).device
        self.progress = Progress()
        self.carried = learner.initial_state(model, data.batch_size)

    def train(self) -> Progress:
        """Train to the end, from the last checkpoint if there is one.

        Returns:
            How the training ended.

        Raises:
            DivergenceError: if the loss stops being a finite number; the best weights are kept.
            KeyboardInterrupt: if a person stops it; a checkpoint has then been written.
        """
        if self.run.checkpoint_file.exists():
            self.progress, self.carried = load_checkpoint(
                self.run.checkpoint_file, self.model, self.learner, self.schedule, self.carried
            )
        progress = self.progress
        steps_per_epoch = len(self.data.batches(0))
        self.recorder = Recorder(self.run, progress.metrics_bytes, progress.step)
        try:
            with (
                progress_bar(self.epochs * steps_per_epoch, progress.step, quiet=self.quiet) as bar,
                deferred_interrupt() as self.interrupt,
            ):
                while progress.epoch < self.epochs and not self._out_of_patience():
                    self._train_epoch(bar)
                    self._end_epoch(bar)
        finally:
            self.recorder.close()
        return progress

    def _train_epoch(self, bar: ProgressBar) -> None:
        progress = self.progress
        batches = self.data.batches(progress.epoch)
        self.model.train()
        started = saved = time.perf_counter()
        spent_before, tokens = progress.seconds, 0
        while progress.index < len(batches):
            batch = batches[progress.index]
            loss = self._update(batch)
            now = time.perf_counter()
            progress.seconds = spent_before + now - started
            tokens += batch.target_count
            epoch = f"{progress.epoch + 1}/{self.epochs}"
            speed, measures = tokens / (now - started), self.data.measures(loss)
            bar.advance(progress.step, epoch, speed, loss, measures)
            if self.interrupt.requested or now - saved > CHECKPOINT_SECONDS:
                self._save()
                saved = now
            if self.interrupt.requested:
                raise KeyboardInterrupt

    def _update(self, batch: TrainingBatch) -> float:
        """Learn from one batch; return the mean loss since the last line of metrics."""
        progress = self.progress
        self.learner.set_rate(self.schedule.factor(progress.step, progress.epoch))
        moved: Any = batch.to(self.device)
        loss, self.carried, metrics = self.learner.update(self.model, moved, self.carried)
        value = float(loss)
        progress.step += 1
        progress.index += 1
        if not all(map(math.isfinite, (value, *metrics.values()))):
            found = ", ".join(f"{name.replace('_', ' ')} {metrics[name]:g}" for name in metrics)
            raise DivergenceError(
                f"the loss became {value:g} at step {progress.step} ({found}): "
                "the best weights so far are kept; lower --learning-rate or --clip."
            )
        progress.tokens += batch.target_count
        progress.loss_sum += value * batch.target_count
        progress.updates += 1
        for name, number in metrics.items():
            progress.sums[name] = progress.sums.get(name, 0.0) + number
        mean = progress.loss_sum / progress.tokens
        if progress.step % STEPS_PER_RECORD == 0:
            means = {name: total / progress.updates for name, total in progress.sums.items()}
            self._record("train", mean, **self.data.measures(mean), **means)
            progress.tokens, progress.loss_sum = 0, 0.0
            progress.updates, progress.sums = 0, {}
        return mean

    def _end_epoch(self, bar: ProgressBar) -> None:
        progress = self.progress
        started = time.perf_counter()
        self.model.eval()
        loss, measures, own_rank = self.data.validate(self.model, self.device)
        rank = loss if own_rank is None else own_rank
        if not math.isfinite(loss):
            raise DivergenceError(
                f"the validation loss became {loss:g} after epoch {progress.epoch + 1}: "
                "the best weights so far are kept; lower --learning-rate or --clip."
            )
        self.schedule.observe(rank)
        progress.epoch += 1
        progress.index = 0
        progress.epochs_since_best += 1
        if rank < progress.best_rank:
            progress.best_rank, progress.epochs_since_best = rank, 0
            self.keep()
        progress.seconds += time.perf_counter() - started
        recorded = measures if own_rank is None else {**measures, "rank": own_rank}
        self._record("valid", loss, **recorded)
        bar.say(
            f"epoch {progress.epoch}/{self.epochs}: validation loss {loss:.4f}, "
            + "".join(f"{n.replace('_', ' ')} {value:.4g}, " for n, value in measures.items())
            + f"{progress.seconds:.0f} s"
            + (" (best)" if progress.epochs_since_best == 0 else "")
        )
        self.carried = self.learner.initial_state(self.model, self.data.batch_size)
        self._save()
        if self.interrupt.requested:
            raise KeyboardInterrupt

    def _record(self, split: str, loss: float, **values: float) -> None:
        progress = self.progress
        values["seconds"] = progress.seconds
        self.recorder.record(split, progress.step, progress.epoch, loss=loss, **values)

    def _save(self) -> None:
        self.progress.metrics_bytes = self.recorder.flush()
        save_checkpoint(
            self.run.checkpoint_file,
            self.progress,
            self.model,
            self.learner,
            self.schedule,
            self.carried,
        )

    def _out_of_patience(self) -> bool:
        return self.patience is not None and self.progress.epochs_since_best >= self.patience
