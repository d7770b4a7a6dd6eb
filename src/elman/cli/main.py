"""The `elman` command: finds the command's file and turns errors into one line."""

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module

COMMANDS = {
    "demo": "train on embedded real data, score, generate, plot; no options, no network",
    "prepare": "the original files of a public data set into one that a task reads",
    "train": "train a model from raw files to a run folder",
    "evaluate": "measure a run on a file",
    "predict": "answers to inputs: tags, classes, missing words, translations, ...",
    "score": "log-probability and perplexity of texts",
    "generate": "new text from a language model",
    "inspect": "look inside: curves, gradients through time, attention, similar words",
    "compare": "runs side by side on one file, with confidence intervals",
    "cells": "the recurrent cells and their papers",
    "reproduce": "published results: their numbers and ours",
    "bench": "speed against torch and plain loops, as ratios",
}
"""Commands and what they do; each is a file of this folder with a function `run`."""

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Args:
        arguments: what stands after `elman`; those of the process if not given.

    Raises:
        SystemExit: with 0 if all went well, 2 for bad input, 130 if interrupted.
    """
    warnings.showwarning = _show_warning
    status = run(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except OSError:  # reported by now; Python would do so again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run the command line.

    Args:
        arguments: what stands after `elman`.

    Returns:
        The exit status.
    """
    from elman.errors import ElmanError

    asked = "elman"
    try:
        if not arguments or arguments[0] in ("-h", "--help"):
            print(_help())
        elif arguments[0] == "--version":
            from elman import __version__

            print(f"elman {__version__}")
        else:
            command = _find(arguments[0])
            asked = f"elman {arguments[0]}"
            command(_text(arguments[1:]))
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt as interrupt:
        print(f"elman: interrupted{f': {interrupt}' if str(interrupt) else ''}.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        return 0
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        print(f"{asked}: out of memory: choose smaller sizes.", file=sys.stderr)
        return BAD_INPUT
    except (ElmanError, OSError) as error:
        print(f"{asked}: {_one_line(error)}", file=sys.stderr)
        return BAD_INPUT


def _find(name: str) -> Callable[[Sequence[str]], None]:
    from elman.errors import ConfigError

    if name not in COMMANDS:
        raise ConfigError(f"unknown command {name!r}: known are {', '.join(COMMANDS)}.")
    command: Callable[[Sequence[str]], None] = import_module(f"elman.cli.{name}").run
    return command


def _text(arguments: Sequence[str]) -> Sequence[str]:
    """Refuse arguments that are no text, which could neither be read nor written."""
    from elman.errors import ConfigError

    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise ConfigError(f"argument {argument!r} is not valid UTF-8.")
    return arguments


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line, without the place in the code that gave it."""
    print(f"elman: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}."
    return " ".join(str(error).split())


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "usage: elman COMMAND ...",
            "",
            "Recurrent networks, whole: train, score, generate, compare, look inside.",
            "",
            *lines,
            "",
            "elman COMMAND --help tells more; elman demo shows it all in a few minutes.",
        ]
    )
