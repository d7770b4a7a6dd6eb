"""From typed signatures to command-line arguments, with one-line errors."""

import contextlib
import io
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tyro

from elman.errors import ConfigError

Arguments = TypeVar("Arguments")


def parse(
    signature: Callable[..., Arguments],
    arguments: Sequence[str],
    command: str,
    default: Any = None,
) -> Arguments:
    """Parse arguments into a dataclass.

    Args:
        signature: the dataclass; its docstrings become the help.
        arguments: what stands after the command.
        command: the command, for the help.
        default: an instance whose values are the defaults.

    Returns:
        The filled dataclass.

    Raises:
        ConfigError: if the arguments do not fit.
        SystemExit: after printing the help that was asked for.
    """
    options: dict[str, Any] = {} if default is None else {"default": default}
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            return tyro.cli(
                signature,
                args=list(arguments),
                prog=f"elman {command}",
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
                **options,
            )
    except SystemExit as end:
        if end.code in (0, None):
            raise
        raise ConfigError(f"{_one_line(errors.getvalue())} See elman {command} --help.") from None


def _one_line(box: str) -> str:
    """Take the message out of the box that tyro draws around it."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", box)
    lines = [line.strip(" │╭╮╰╯") for line in text.splitlines()]
    lines = [line for line in lines if line]
    content = []
    for line in lines[1:]:  # the first is the title in the frame
        if set(line) <= set("─"):
            break
        content.append(line)
    message = " ".join(content) or " ".join(lines)
    # A group of options that refuses its values says so itself.
    message = re.sub(r"^Error parsing [\w.-]+: (?=--)", "", message)
    return message if message.endswith((".", "?", "!")) else f"{message}."
