"""The numbers of a training, as metrics.jsonl and TensorBoard events."""

import json
import math
import os
from typing import Any

from elman.training.run_folder import RunFolder


class Recorder:
    """Appends metrics to a run folder.

    Args:
        run: the run folder.
        length: bytes of metrics.jsonl to keep; what a killed training wrote after its last
            checkpoint is cut off, for it will be written again.
        step: updates made so far.
    """

    def __init__(self, run: RunFolder, length: int, step: int) -> None:
        # Its import takes a good part of a second, and only training needs it.
        from torch.utils.tensorboard import SummaryWriter

        run.metrics_file.touch()
        os.truncate(run.metrics_file, length)
        self._file = run.metrics_file.open("a", encoding="utf-8")
        self._events = SummaryWriter(run.path, purge_step=step)

    def record(self, split: str, step: int, epoch: int, **values: float) -> None:
        """Write one line, and one point of each curve.

        Args:
            split: `train` or `valid`.
            step: updates made.
            epoch: epochs completed.
            **values: metrics by name.
        """
        line: dict[str, Any] = {"step": step, "epoch": epoch, "split": split}
        for name, value in values.items():
            line[name] = value if math.isfinite(value) else None  # JSON has no infinities
            self._events.add_scalar(f"{split}/{name}", value, step)
        self._file.write(json.dumps(line) + "\n")

    def flush(self) -> int:
        """Bring everything to disk.

        Returns:
            The length of metrics.jsonl in bytes.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._events.flush()
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        self._events.close()
