"""The run folder: a training run and the saved model in one."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from elman.config import read_toml, write_toml
from elman.errors import CheckpointError, ConfigError
from elman.files import written_atomically


class RunFolder:
    """Paths of a run folder, and the reading and writing of its parts.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.toml"
        self.weights_file = path / "model.safetensors"
        self.metrics_file = path / "metrics.jsonl"
        self.checkpoint_file = path / "checkpoint" / "state.pt"
        self.plots = path / "plots"
        self.corpus = path / "corpus"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folder if need be and keep other trainings out of it while the block runs.

        Yields:
            Nothing.

        Raises:
            CheckpointError: if another process is training in the folder.
        """
        if self.path.exists() and not self.path.is_dir():
            raise CheckpointError(f"{self.path} is not a folder: choose another --out.")
        self.path.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDONLY)
        try:
            self._lock(handle)
            yield
        finally:
            os.close(handle)  # which ends the claim, as the end of the process does

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(
                f"{self.path} is in use by another training: wait for it, or choose another --out."
            ) from None
        except OSError:
            return  # some network file systems have no locks, and train all the same

    def start(self, settings: Mapping[str, Any], *, resume: bool) -> bool:
        """Claim the folder for a training, or find the same training in it.

        Args:
            settings: what makes the training what it is, as TOML values.
            resume: go on with a training found in the folder.

        Returns:
            Whether the folder already held this training.

        Raises:
            CheckpointError: if the folder holds something else, or the same training and
                `resume` is not asked for.
        """
        if not self.config_file.exists():
            # A start that was killed may have left a part of the settings.
            found = (path for path in self.path.iterdir() if not path.match(".config.toml.*.part"))
            if any(found):
                raise CheckpointError(
                    f"{self.path} exists and is not a run folder: choose another --out."
                )
            write_toml(self.config_file, settings)
            return False
        self._check_same(settings)
        if not resume:
            raise CheckpointError(
                f"{self.path} already holds this run: add --resume to go on with it, "
                "or choose another --out."
            )
        return True

    def is_finished(self) -> bool:
        """Tell whether the training has come to its end."""
        return self.weights_file.exists() and not self.corpus.exists()

    def finish(self) -> None:
        """Remove what only the training needed, prepared text and parts left by killed writers."""
        if self.corpus.exists():  # gone at once, so that half of it is never taken for the whole
            self.corpus.rename(self.path / ".corpus.part")
        for part in [*self.path.glob(".*.part"), *self.path.glob("checkpoint/.*.part")]:
            shutil.rmtree(part) if part.is_dir() else part.unlink()

    def _check_same(self, settings: Mapping[str, Any]) -> None:
        saved = read_toml(self.config_file)
        for key in sorted(saved.keys() | settings.keys()):
            given = settings.get(key)
            expected = list(given) if isinstance(given, tuple) else given
            if saved.get(key) != expected:
                raise CheckpointError(
                    f"{self.path} holds a different run ({key} is {saved.get(key)!r} there, "
                    f"{expected!r} here): choose another --out."
                )

    def read_settings(self) -> dict[str, Any]:
        """Return the settings the run was started with.

        Raises:
            CheckpointError: if this is not a run folder, or its settings are damaged.
        """
        if not self.config_file.is_file():
            what = "no config.toml in it" if self.path.is_dir() else "there is no such folder"
            raise CheckpointError(f"{self.path} is not a run folder: {what}.")
        try:
            return read_toml(self.config_file)
        except ConfigError as error:
            raise CheckpointError(str(error)) from None

    def write_weights(self, arrays: Mapping[str, Tensor]) -> None:
        """Write the weights atomically.

        Args:
            arrays: tensors by name.
        """
        contiguous = {name: array.detach().cpu().contiguous() for name, array in arrays.items()}
        with written_atomically(self.weights_file) as temporary:
            temporary.write_bytes(save(contiguous))

    def read_weights(self) -> dict[str, Tensor]:
        """Return the weights.

        Raises:
            CheckpointError: if there are none yet, or the file is damaged.
        """
        if not self.weights_file.is_file():
            raise CheckpointError(
                f"{self.weights_file} is missing: the training has not come to its first "
                "evaluation; run the same elman train with --resume."
            )
        try:
            return load_file(self.weights_file)
        except SafetensorError as error:
            raise CheckpointError(
                f"{self.weights_file} is damaged ({error}): train again or restore the file."
            ) from None

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return the objects of metrics.jsonl, in order; none if there is no such file.

        Raises:
            CheckpointError: if a line is damaged.
        """
        if not self.metrics_file.exists():
            return []
        try:
            return [json.loads(line) for line in self.metrics_file.read_text("utf-8").splitlines()]
        except ValueError as error:
            raise CheckpointError(f"{self.metrics_file} is damaged: {error}.") from None
