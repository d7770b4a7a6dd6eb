"""`elman generate`: new text from a language model."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from elman.cli.common import RunArguments, load_language_model
from elman.cli.output import print_json
from elman.cli.parse import parse
from elman.config import Count, Range, check_ranges
from elman.errors import ConfigError


@dataclass(frozen=True)
class GenerateArguments(RunArguments):
    """Generate text; a single text is printed as it is made."""

    prompt: str = ""
    """text to go on from"""
    length: Count = 500
    """tokens to generate"""
    temperature: Annotated[float, Range(0, math.inf, high_open=True)] = 1.0
    """below 1 bolder in the likely, above 1 in the unlikely; 0 takes the likeliest token"""
    top_k: Count | None = None
    """draw from this many likeliest tokens"""
    top_p: float | None = None
    """draw from the fewest likeliest tokens of together this probability"""
    beam: Count | None = None
    """search the most probable text with this many beams instead of drawing"""
    count: Count = 1
    """texts, made side by side"""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(f"--top-p must be above 0 and at most 1, got {self.top_p}.")
        if self.beam is not None and self.count > self.beam:
            raise ConfigError(f"--count {self.count} texts need at least --beam {self.count}.")


def run(arguments: Sequence[str]) -> None:
    """Generate text.

    Args:
        arguments: what stands after `generate`.

    Raises:
        ElmanError: if the run or the prompt cannot be used.
    """
    options = parse(GenerateArguments, arguments, "generate")
    task = load_language_model(options.run, options.device)
    if options.beam is not None:
        found = task.search(options.prompt, length=options.length, width=options.beam)
        for text, hypothesis in found[: options.count]:
            _show(options, {"text": text, "log_probability": hypothesis.log_probability})
        return

    from elman.decoding import Sampler

    sampler = Sampler(options.temperature, options.top_k, options.top_p)
    draw = {"length": options.length, "sampler": sampler, "seed": options.seed}
    if options.json or options.count > 1:
        for text in task.generate(options.prompt, count=options.count, **draw):
            _show(options, {"text": text, "seed": options.seed})
        return
    for piece in task.stream(options.prompt, **draw):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")


def _show(options: GenerateArguments, result: dict[str, Any]) -> None:
    if options.json:
        print_json(result)
    else:
        print(result["text"], end="\n\n")
