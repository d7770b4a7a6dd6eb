"""Running text to words."""

import re

_WORD = re.compile(r"\w+(?:[-'\u2019.]\w+)*|[^\w\s]")


def split_words(text: str) -> list[str]:
    """Cut running text into words and marks.

    Args:
        text: one or more sentences.

    Returns:
        Letters and digits with single marks between them (`don't`, `3.5`), or one mark each.
    """
    return _WORD.findall(text)
