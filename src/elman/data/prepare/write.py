"""Prepared items into a file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from elman.data.prepare.item import DataSet
from elman.errors import ConfigError, DataError
from elman.files import written_atomically

_OTHER_FORMATS = {".csv", ".jsonl", ".gz"}
"""Endings of names whose files are read in another way than they are written here."""


class Prepared(NamedTuple):
    """What has been written.

    Args:
        items: how many items.
        classes: how many of them have each class; empty where items have none.
    """

    items: int
    classes: Mapping[str, int]


def prepare(data_set: DataSet, inputs: Sequence[str], out: Path, *, force: bool) -> Prepared:
    """Write the original files of a data set into one file that a task reads.

    Args:
        data_set: which one.
        inputs: its files as they are distributed, or folders of them.
        out: the file to write; it is there whole or not at all.
        force: whether a file of that name may be replaced.

    Returns:
        What has been written.

    Raises:
        ConfigError: if the file exists, has no folder, or has a name of another format.
        DataError: if an input cannot be read; names the file and the line.
    """
    if out.exists() and not force:
        raise ConfigError(f"{out} exists: choose another name, or --force to replace it.")
    if out.suffix in _OTHER_FORMATS:
        raise ConfigError(f"{out} would be read as {out.suffix}: choose a name such as NAME.tsv.")
    if not out.parent.is_dir():
        raise ConfigError(f"{out.parent} is no folder: make it, or choose another --out.")
    if any(out.exists() and Path(name).exists() and out.samefile(name) for name in inputs):
        raise ConfigError(f"{out} is an input: choose another name.")
    items, classes = 0, Counter[str]()
    with written_atomically(out) as temporary, temporary.open("w", encoding="utf-8") as stream:
        if data_set.header is not None:
            stream.write(f"{data_set.header}\n")
        for item in data_set.items(inputs):
            stream.write(f"{item.text}\n")
            items += 1
            if item.label is not None:
                classes[item.label] += 1
        if not items:
            raise DataError(f"{', '.join(inputs)}: no {data_set.name} in there.")
    return Prepared(items, dict(sorted(classes.items())))
