"""Results on standard output, as text for people or JSON for programs."""

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDTH = 160
"""Columns of a table that is written to a file or a pipe."""


def print_json(result: Mapping[str, Any]) -> None:
    """Print one object on one line; numbers JSON does not have become null.

    Args:
        result: the object.
    """
    print(json.dumps(_finite(result), ensure_ascii=False), flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; the first column stands left, numbers right.

    Args:
        columns: headings.
        rows: as many values each.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    filled = [[_shown(value) for value in row] for row in rows]
    numeric = [all(not isinstance(row[i], str) for row in rows) for i in range(len(columns))]
    for name, right in zip(columns, numeric, strict=True):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in filled:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else WIDTH
    Console(highlight=False, markup=False, emoji=False, width=width).print(table)


def tell(line: str, *, quiet: bool = False) -> None:
    """Print a line of progress on standard error.

    Args:
        line: the line.
        quiet: print nothing.
    """
    if not quiet:
        print(line, file=sys.stderr, flush=True)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
