"""`elman cells`: the recurrent and recursive cells."""

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from elman.cli.output import print_json, print_table
from elman.cli.parse import parse

SIZE = 128
"""Inputs and hidden units of the cells whose parameters are counted."""


@dataclass(frozen=True)
class CellsArguments:
    """List the cells: state, parameters at 128 inputs and units, back end, paper."""

    json: bool = False
    """print one JSON object a line"""


def run(arguments: Sequence[str]) -> None:
    """List the cells.

    Args:
        arguments: what stands after `cells`.

    Raises:
        ConfigError: if the arguments do not fit.
    """
    options = parse(CellsArguments, arguments, "cells")
    import torch

    from elman.cells import CELLS, TREE_CELLS
    from elman.engine import choose

    rows = []
    for name, cell_class in CELLS.items():
        cell = cell_class(SIZE, SIZE)
        choice = choose(cell, torch.zeros(1, 1, SIZE), cell.initial_state(1))
        rows.append(_row(name, cell, choice.backend))
    for name, tree_class in TREE_CELLS.items():
        rows.append(_row(name, tree_class(SIZE, SIZE), "over trees"))
    for row in rows if options.json else []:
        print_json(row)
    if not options.json:
        print_table(list(rows[0]), [list(row.values()) for row in rows])


def _row(name: str, cell: Any, runs: str) -> dict[str, Any]:
    return {
        "cell": name,
        "state": ", ".join(cell.initial_state(1)._fields),
        "parameters": sum(p.numel() for p in cell.parameters()),
        "runs": runs,
        "paper": _paper(type(cell)),
    }


def _paper(cell_class: type) -> str:
    reference = inspect.getdoc(cell_class).partition("Reference:")[2]  # type: ignore[union-attr]
    return re.sub(r"\s+", " ", reference.partition(', "')[0]).strip() or "-"
