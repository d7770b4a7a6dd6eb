from dataclasses import dataclass
from typing import Literal

import pytest
import tyro

from elman.cli.parse import parse
from elman.config import Count, check_ranges
from elman.errors import ConfigError


@dataclass(frozen=True)
class Arguments:
    """Do something."""

    name: tyro.conf.Positional[str]
    """what to do it with"""
    kind: Literal["a", "b"] = "a"
    """which way"""
    batch_size: Count = 3
    """how many"""
    loud: bool = False
    """with noise"""

    def __post_init__(self) -> None:
        check_ranges(self)


def test_flags_become_fields():
    assert parse(Arguments, ["x"], "do") == Arguments("x")
    given = ["x", "--kind", "b", "--batch-size=5", "--loud"]
    assert parse(Arguments, given, "do") == Arguments("x", "b", 5, True)
    assert parse(Arguments, ["--batch_size", "5", "--", "-x"], "do") == Arguments("-x", "a", 5)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ([], "what to do it with"),
        (["x", "y"], "y"),
        (["x", "--kind", "c"], "kind"),
        (["x", "--batch-size", "many"], "batch-size"),
        (["x", "--batch-size", "0"], "--batch-size must be at least 1, got 0."),
        (["x", "--batch-size"], "batch-size"),
        (["x", "--lout"], "--lout"),
    ],
)
def test_a_wrong_argument_is_named_in_one_line(given, part):
    with pytest.raises(ConfigError) as caught:
        parse(Arguments, given, "do")
    assert part in str(caught.value)
    assert "See elman do --help." in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not set("│╭╮╰╯─\x1b") & set(str(caught.value))


def test_help_is_printed_and_ends_well(capsys):
    with pytest.raises(SystemExit) as end:
        parse(Arguments, ["--help"], "do")
    assert end.value.code == 0
    assert "usage: elman do" in capsys.readouterr().out
