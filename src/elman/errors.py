"""The errors elman raises where a caller, or a person at the command line, would act on them.

ElmanError
├── ConfigError          a setting is wrong, or settings contradict each other
├── DataError            an input file or text cannot be used
├── CheckpointError      a run folder is missing, damaged, or holds something else
├── DivergenceError      training left the finite numbers
└── MissingExtraError    an optional dependency is not installed

Wrong arguments from code raise the built-in `ValueError` and `TypeError`. Every message is one
line: what was wrong, where, and what to do.
"""


class ElmanError(Exception):
    """Base of every error that the command line reports as one line with exit status 2."""


class ConfigError(ElmanError, ValueError):
    """A setting is out of its range, unknown, or contradicts another."""


class DataError(ElmanError, ValueError):
    """An input cannot be read or used; the message names the file and the place in it."""


class CheckpointError(ElmanError):
    """A run folder is missing, damaged, half-written, or holds a different run."""


class DivergenceError(ElmanError, ArithmeticError):
    """The training loss is no longer a finite number."""


class MissingExtraError(ElmanError, ImportError):
    """An optional dependency is not installed.

    Args:
        package: the package that could not be imported.
        extra: the extra of elman that installs it.
        purpose: what it is needed for, as the end of a sentence.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{package} is needed {purpose}: install it with pip install 'elman[{extra}]'."
        )
