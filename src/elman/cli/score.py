"""`elman score`: how likely texts are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import tyro

from elman.cli.common import RunArguments, load_language_model
from elman.cli.output import print_json, print_table
from elman.cli.parse import parse
from elman.errors import ConfigError

TEXTS_AT_ONCE = 10_000


@dataclass(frozen=True)
class ScoreArguments(RunArguments):
    """Log-probability (nats) and perplexity of texts, each from a fresh start."""

    text: tyro.conf.Positional[tuple[str, ...]] = ()
    """texts to score"""
    file: str | None = None
    """score each line of a file; - is standard input"""
    tokens: bool = False
    """show every token's log-probability"""


def run(arguments: Sequence[str]) -> None:
    """Score texts.

    Args:
        arguments: what stands after `score`.

    Raises:
        ElmanError: if the run or a text cannot be used.
    """
    options = parse(ScoreArguments, arguments, "score")
    if not options.text and options.file is None:
        raise ConfigError("nothing to score: give texts, or --file with one a line.")
    task = load_language_model(options.run, options.device)
    rows: list[tuple[str, int, float, float | str]] = []
    remaining = _texts(options)
    while texts := list(islice(remaining, TEXTS_AT_ONCE)):
        for score, tokens in task.score(texts):
            if options.json:
                print_json({**score, "per_token": tokens} if options.tokens else score)
                continue
            shown = score["perplexity"] if score["perplexity"] is not None else "-"
            rows.append((score["text"], score["tokens"], score["log_probability"], shown))
            if options.tokens:
                rows += [(f"    {t['token']}", 1, t["log_probability"], "") for t in tokens]
    if not options.json:
        print_table(["text", "tokens", "log-probability", "perplexity"], rows)


def _texts(options: ScoreArguments) -> Iterator[str]:
    yield from options.text
    if options.file is not None:
        from elman.data import read_lines

        yield from read_lines(options.file)
