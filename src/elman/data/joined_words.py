"""Raw text to words and marks that know where there was a space, and back."""

import re
from collections.abc import Sequence

JOINER = "\uffed"
"""Stands at the side of a mark that touches its neighbour."""

_PIECE = re.compile(r"(?<=\w)['\u2019]\w+|\w+(?:[.,]\d+\b)*|[^\w\s]")


def split_marks(text: str) -> list[str]:
    """Cut a text into words and marks such that `join_marks` gives it again.

    Args:
        text: raw text.

    Returns:
        Words as they are; a mark has a `JOINER` at each side that touches something.
    """
    pieces: list[str] = []
    for chunk in text.replace(JOINER, " ").split():
        found = _PIECE.findall(chunk)
        for place, piece in enumerate(found):
            if piece[0].isalnum() or piece[0] == "_":
                pieces.append(piece)
                continue
            touches_next = place + 1 < len(found) and not _is_joined(found[place + 1])
            # Between two marks, the second one says that they touch.
            after = JOINER if touches_next and len(piece) == 1 else ""
            pieces.append((JOINER if place else "") + piece + after)
    return pieces


def _is_joined(piece: str) -> bool:
    return not (piece[0].isalnum() or piece[0] == "_")


def join_marks(pieces: Sequence[str]) -> str:
    """Write words and marks as text.

    Args:
        pieces: as `split_marks` gives them.

    Returns:
        The text, its white space single spaces.
    """
    return re.sub(f" ?{JOINER} ?", "", " ".join(pieces))
