"""What is measured on where a person names no file for it."""

from typing import TypeVar

from elman.errors import DataError

Item = TypeVar("Item")


def hold_out(items: list[Item], name: str) -> tuple[list[Item], list[Item]]:
    """Hold out the last tenth, at least one item.

    Args:
        items: sentences, trees, ...
        name: what one of them is called in messages.

    Returns:
        The items to learn from and those held out.

    Raises:
        DataError: if there is one item only.
    """
    if len(items) < 2:
        raise DataError(f"one {name} is too few to hold some out: give more, or a file as --valid.")
    last = max(1, len(items) // 10)
    return items[:-last], items[-last:]
