"""`elman compare`: runs side by side on one file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from elman.cli.common import load_language_model
from elman.cli.output import print_json, print_table, tell
from elman.cli.parse import parse
from elman.config import Seed, check_ranges
from elman.errors import ConfigError

if TYPE_CHECKING:
    from elman.metrics import SystemComparison


@dataclass(frozen=True)
class CompareArguments:
    """Measure runs on one file, with 95 % bootstrap intervals over its lines.

    Loss is in nats a token where all runs have the same tokens, else in nats a character.
    """

    runs: tyro.conf.Positional[tuple[str, ...]]
    """run folders, the first being what the others are compared with, and last the file"""
    json: bool = False
    """print one JSON object a line"""
    quiet: bool = False
    """print no progress"""
    plot: str | None = None
    """write a picture of the comparison to this PNG file"""
    seed: Seed = 1
    """of the resampling"""

    def __post_init__(self) -> None:
        check_ranges(self)


def run(arguments: Sequence[str]) -> None:
    """Compare runs.

    Args:
        arguments: what stands after `compare`.

    Raises:
        ElmanError: if a run or the data cannot be used.
    """
    options = parse(CompareArguments, arguments, "compare")
    if len(options.runs) < 2:
        raise ConfigError("name at least one run and, last, the file to compare on.")

    import numpy as np

    from elman.metrics import paired_bootstrap

    *names, data = options.runs
    if data == "-":
        raise ConfigError("compare reads the data several times: give a file.")
    totals = []
    for name in names:
        tell(f"measuring {name}", quiet=options.quiet)
        task = load_language_model(name, "cpu")
        with task.reading(data) as corpus:
            totals.append(task.line_totals(corpus))
    same_tokens = all(np.array_equal(total.tokens, totals[0].tokens) for total in totals)
    unit = "token" if same_tokens else "character"
    counts = [total.tokens if same_tokens else total.characters for total in totals]
    comparisons = paired_bootstrap(
        np.stack([total.losses for total in totals]),
        np.stack(counts),
        np.random.default_rng(options.seed),
    )
    for name, comparison in zip(names, comparisons, strict=True) if options.json else []:
        parts = {key: interval._asdict() for key, interval in comparison._asdict().items()}
        print_json({"run": name, "unit": unit, **parts})
    if not options.json:
        columns = ["run", f"loss (nats a {unit})", "95 %", "perplexity", "95 %", "loss less first"]
        rows = [_row(name, found) for name, found in zip(names, comparisons, strict=True)]
        rows[0][-1] = "-"  # it is what the others are compared with
        print_table(columns, rows)
    if options.plot:
        _draw(options.plot, names, comparisons, unit)


def _row(name: str, comparison: "SystemComparison") -> list[str]:
    loss, perplexity = comparison.loss, comparison.perplexity
    difference = comparison.loss_difference
    return [
        name,
        f"{loss.estimate:.4f}",
        f"{loss.low:.4f} to {loss.high:.4f}",
        f"{perplexity.estimate:.2f}",
        f"{perplexity.low:.2f} to {perplexity.high:.2f}",
        f"{difference.estimate:+.4f} ({difference.low:+.4f} to {difference.high:+.4f})",
    ]


def _draw(
    path: str, names: Sequence[str], comparisons: "Sequence[SystemComparison]", unit: str
) -> None:
    from elman.plots import system_bars

    intervals = [comparison.perplexity for comparison in comparisons]
    system_bars(names, intervals, Path(path), quantity=f"perplexity a {unit}")
