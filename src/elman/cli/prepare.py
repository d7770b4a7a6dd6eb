"""`elman prepare`: a public data set's original files into one file that a task reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from elman.cli.output import print_json, print_table
from elman.cli.parse import parse
from elman.errors import ConfigError

if TYPE_CHECKING:
    from elman.data.prepare import DataSet, Prepared


@dataclass(frozen=True)
class PrepareArguments:
    """Bring the original files of a public data set into the format that a task reads."""

    name: tyro.conf.Positional[str | None] = None
    """the data set; --list shows them"""
    inputs: tyro.conf.Positional[tuple[str, ...]] = ()
    """its files as they are distributed, or the folder of them"""
    out: str | None = None
    """file to write"""
    force: bool = False
    """replace the file if there is one of that name"""
    list: bool = False
    """show the data sets and stop"""
    json: bool = False
    """print one JSON object a line"""


def run(arguments: Sequence[str]) -> None:
    """Prepare a data set.

    Args:
        arguments: what stands after `prepare`.

    Raises:
        ElmanError: if the arguments do not fit, or an input cannot be used.
    """
    options = parse(PrepareArguments, arguments, "prepare")
    from elman.data.prepare import DATA_SETS, prepare

    if options.list:
        _print_list(DATA_SETS, as_json=options.json)
        return
    if options.name is None:
        raise ConfigError("name a data set; elman prepare --list shows them.")
    if options.name not in DATA_SETS:
        raise ConfigError(f"unknown data set {options.name!r}: known are {', '.join(DATA_SETS)}.")
    if not options.inputs:
        raise ConfigError(f"no input given: name the original files of {options.name}.")
    if options.out is None:
        raise ConfigError("--out is missing: name the file to write.")
    data_set = DATA_SETS[options.name]
    done = prepare(data_set, options.inputs, Path(options.out), force=options.force)
    if options.json:
        print_json({"out": options.out, "items": done.items, "classes": done.classes})
    else:
        print(_summary(data_set, done, options.out))


def _print_list(data_sets: "dict[str, DataSet]", *, as_json: bool) -> None:
    rows = [(name, data_set.summary) for name, data_set in data_sets.items()]
    if as_json:
        for name, summary in rows:
            print_json({"name": name, "summary": summary})
    else:
        print_table(["data set", "what it does"], rows)


def _summary(data_set: "DataSet", done: "Prepared", out: str) -> str:
    classes = f" of {len(done.classes)} classes" if done.classes else ""
    return f"{out}: {done.items:,} {data_set.name}{classes}"
