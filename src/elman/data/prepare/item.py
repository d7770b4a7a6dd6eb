"""What a data set is prepared into."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from elman.errors import DataError

HEADER = "text\tlabel"
"""The first line of a table of texts."""


class Item(NamedTuple):
    """One item of a prepared file.

    Args:
        text: its line, or several, without the last line end.
        label: its class; None where items have none.
    """

    text: str
    label: str | None = None


class DataSet(NamedTuple):
    """How a public data set is prepared.

    Args:
        summary: what goes in and what comes out, in a line.
        items: reads the inputs, and gives the items in their order.
        name: what the items are called, for people.
        header: the first line of the prepared file, if it has one.
    """

    summary: str
    items: Callable[[Sequence[str]], Iterator[Item]]
    name: str
    header: str | None = None


def table_row(text: str, label: str, where: str) -> Item:
    """Make a row of a table of texts.

    Args:
        text: the text.
        label: its class.
        where: the place in the input, for messages.

    Returns:
        The row.

    Raises:
        DataError: if the text is empty, or a tab in it would tear the row.
    """
    if not text:
        raise DataError(f"{where}: there is no text.")
    if "\t" in text or "\t" in label:
        raise DataError(f"{where}: a tab within the text or the label.")
    return Item(f"{text}\t{label}", label)
