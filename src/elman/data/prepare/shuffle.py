"""A steady order for data sets that stand class by class, or task by task."""

import random
from collections.abc import Iterable

from elman.data.prepare.item import Item

SEED = 1
"""The same items come out in the same order, on every machine."""


def shuffled(items: Iterable[Item]) -> list[Item]:
    """Shuffle items, so that any tenth of them, and so the last one, has all classes.

    Args:
        items: in the order of their classes or files; all are kept in memory.

    Returns:
        The items in an order that depends on nothing but their number and their order.
    """
    mixed = list(items)
    random.Random(SEED).shuffle(mixed)
    return mixed
