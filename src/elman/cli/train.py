"""`elman train`: from raw files to a run folder."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from elman.cli.output import print_json, tell
from elman.cli.parse import parse
from elman.config import from_mapping, read_toml, settings_file, values_of
from elman.errors import ConfigError
from elman.tasks import TASKS, find_task
from elman.training.options import TrainingOptions
from elman.training.run_folder import RunFolder

if TYPE_CHECKING:
    from elman.tasks.task import Sources

CARRIED_TASKS = {"lm"}
"""Tasks whose data is one long stream: their default rule is truncated BPTT."""

NEXT_COMMAND = {"lm": "generate"}
"""What to try with a run of a task; `predict` with those that are not here."""


@dataclass(frozen=True)
class TrainArguments:
    """Where a training reads and writes."""

    data: tyro.conf.Positional[tuple[str, ...]] = ()
    """files to learn from; - is standard input"""
    out: str | None = None
    """run folder to make"""
    valid: str | None = None
    """file to measure on; the last tenth of the data if not given"""
    resume: bool = False
    """go on with an interrupted training"""
    config: str | None = None
    """settings by name (shipped with the package) or a .toml file; flags win"""
    quiet: bool = False
    """show no progress"""
    json: bool = False
    """print the result as JSON"""

    def sources(self) -> "Sources":
        """Return the raw data.

        Raises:
            ConfigError: if none is named.
        """
        from elman.tasks.task import Sources

        if not self.data:
            raise ConfigError("no data given: name at least one file (- is standard input).")
        return Sources(self.data, self.valid)


@dataclass(frozen=True)
class AlignedArguments(TrainArguments):
    """Where a training on pairs reads and writes: source<TAB>target a line, or aligned files."""

    valid: str | None = None
    """file of pairs to measure on; if not given, a tenth of the sources, at most 2000, drawn at
    random and kept in held_out.tsv"""
    source: str | None = None
    """file of sources, a line each, instead of the data"""
    target: str | None = None
    """file of targets, line by line those of the sources"""
    valid_source: str | None = None
    """file of sources to measure on, instead of the one of pairs"""
    valid_target: str | None = None
    """file of their targets"""

    def sources(self) -> "Sources":
        """Return the raw data; see `TrainArguments.sources`."""
        from elman.tasks.task import Sources

        data = self.data if self.source is None else (self.source,)
        if self.source is not None and self.data:
            raise ConfigError("give files of pairs, or --source and --target, not both.")
        if not data:
            raise ConfigError("no data given: name a file of pairs, or --source and --target.")
        if self.target is not None and len(data) > 1:
            raise ConfigError("--target answers one file of sources: name one.")
        if self.source is not None and self.target is None:
            raise ConfigError("--source needs --target: name both files.")
        valid = self.valid_source or self.valid
        if (self.valid_source is not None and self.valid_target is None) or (
            valid is None and self.valid_target is not None
        ):
            raise ConfigError("--valid-source and --valid-target go together: name both files.")
        return Sources(data, valid, self.target, self.valid_target)


ARGUMENTS = {"translate": AlignedArguments}
"""What is said of the data where it is more than files."""


def run(arguments: Sequence[str]) -> None:
    """Train a model.

    Args:
        arguments: what stands after `train`.

    Raises:
        ElmanError: if arguments or data cannot be used, or the loss diverges.
        KeyboardInterrupt: with advice how to go on.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(
            f"usage: elman train TASK DATA... --out RUN ...\n\nTASK is one of {', '.join(TASKS)}; "
            "elman train TASK --help lists the options."
        )
        return
    kind, *rest = arguments
    if kind not in TASKS:
        raise ConfigError(f"unknown task {kind!r}: known are {', '.join(TASKS)}.")
    where, config, options = _parse(kind, rest)
    if where.out is None:
        raise ConfigError("--out is missing: name the run folder to make.")
    sources = where.sources()

    from elman.training.train import train

    out = Path(where.out)
    try:
        train(kind, config, options, sources, out, resume=where.resume, quiet=where.quiet)
    except KeyboardInterrupt:
        if not out.exists():
            raise KeyboardInterrupt("nothing had been learnt yet") from None
        raise KeyboardInterrupt(
            f"{out} holds all so far; run the same command with --resume to go on"
        ) from None
    _report(RunFolder(out), where)


def _parse(kind: str, arguments: Sequence[str]) -> tuple[TrainArguments, Any, TrainingOptions]:
    config_class = find_task(kind).config_class
    where_class = ARGUMENTS.get(kind, TrainArguments)
    signature = dataclasses.make_dataclass(
        "Train",
        [
            ("where", where_class, where_class()),
            ("model", config_class, config_class()),
            ("training", TrainingOptions, _default_options(kind)),
        ],
        frozen=True,
    )
    signature.__doc__ = f"Train a model of task {kind} from raw files to a run folder."
    default = None
    named = _option(arguments, "--config")
    if named is not None:
        default = _from_file(signature, kind, named)
    parsed: Any = parse(signature, arguments, f"train {kind}", default)
    return parsed.where, parsed.model, parsed.training


def _default_options(kind: str) -> TrainingOptions:
    return TrainingOptions(learn="tbptt" if kind in CARRIED_TASKS else "bptt")


def _option(arguments: Sequence[str], flag: str) -> str | None:
    """Find an option's value before the real parsing, which needs it for the defaults."""
    for argument, value in zip(arguments, [*arguments[1:], None], strict=True):
        if argument == flag:
            return value
        if argument.startswith(f"{flag}="):
            return argument.partition("=")[2]
    return None


def _from_file(signature: type, kind: str, named: str) -> Any:
    """Fill the three groups of options from one flat settings file."""
    path = settings_file(named)
    values = read_toml(path)
    saved_kind = values.pop("task", kind)
    if saved_kind != kind:
        raise ConfigError(f"{path} holds settings of task {saved_kind!r}, not {kind!r}.")
    groups = {}
    for field in dataclasses.fields(signature):
        kind_of_group: Any = field.type
        given = values_of(kind_of_group, values)
        start = vars(field.default)
        groups[field.name] = from_mapping(kind_of_group, {**start, **given}, str(path))
        values = {key: value for key, value in values.items() if key not in given}
    if values:
        raise ConfigError(f"{path}: unknown setting {next(iter(values))!r}.")
    return signature(**groups)


def _report(run_folder: RunFolder, where: TrainArguments) -> None:
    records = [r for r in run_folder.read_metrics() if r["split"] == "valid"]
    if records:
        from elman.plots import learning_curves

        run_folder.plots.mkdir(exist_ok=True)
        learning_curves(run_folder.read_metrics(), run_folder.plots / "learning_curves.png")
    best: dict[str, Any] = min(records, key=_rank, default={})
    if where.json:
        print_json({"run": str(run_folder.path), **best})
    else:
        verb = NEXT_COMMAND.get(run_folder.read_settings()["task"], "predict")
        tell(f"saved in {run_folder.path}; try: elman {verb} {run_folder.path}", quiet=where.quiet)


def _rank(record: dict[str, Any]) -> float:
    """Return what the best weights have the least of."""
    return float(record.get("rank", record["loss"]))
