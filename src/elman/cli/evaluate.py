"""`elman evaluate`: a run measured on files."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import tyro

from elman.cli.common import RunArguments, check_kind
from elman.cli.output import print_json, print_table
from elman.cli.parse import parse
from elman.cli.rescoring import RescoringOptions, language_model_of
from elman.config import Count, check_ranges
from elman.errors import ConfigError


@dataclass(frozen=True)
class EvaluateArguments(RunArguments):
    """Measure a run on files of the kind it was trained on.

    A language model reads the text as one stream, with the state carried. A file of word pairs
    and people's scores (two words and a number a line) measures the vectors that a run has of
    words; RUN may then be a word2vec or GloVe file. Of several files each is measured, and then
    the mean of each measure is given.
    """

    data: tyro.conf.Positional[tuple[str, ...]] = ("-",)
    """the files; - is standard input"""
    source: str | None = None
    """translate: a file of sources, instead of the files"""
    target: str | None = None
    """translate: a file of their targets"""
    beam: Count | None = None
    """translate: beams of the search; those of the settings if not given"""
    rescoring: RescoringOptions = field(default_factory=RescoringOptions)
    """translate: a language model's say"""

    def __post_init__(self) -> None:
        check_ranges(self)


def run(arguments: Sequence[str]) -> None:
    """Measure a run.

    Args:
        arguments: what stands after `evaluate`.

    Raises:
        ElmanError: if the run or the data cannot be used.
    """
    options = parse(EvaluateArguments, arguments, "evaluate")
    if (options.source is None) != (options.target is None):
        raise ConfigError("--source and --target go together: name both files.")
    if options.source is not None and options.data != ("-",):
        raise ConfigError("give files of pairs, or --source and --target, not both.")
    measured = _measure(options)
    if len(options.data) == 1:
        ((_, summary),) = measured
        if options.json:
            print_json(summary)
        else:
            print_table(["measure", "value"], list(summary.items()))
        return
    summaries = []
    for file, summary in measured:
        summaries.append(summary)
        if options.json:
            print_json({"data": file, **summary})
    if options.json:
        print_json({"files": len(summaries), **_means(summaries)})
    else:
        _print_side_by_side(options.data, summaries)


def _measure(options: EvaluateArguments) -> Iterator[tuple[str, Mapping[str, Any]]]:
    from elman.data.word_similarity import holds_scored_pairs
    from elman.training.load import load

    task = cache(lambda: load(options.run, options.device))  # a file of vectors is no run
    asked = {
        "--source": options.source,
        "--beam": options.beam,
        "--rescore": options.rescoring.rescore,
    }
    given = [option for option, value in asked.items() if value is not None]
    if given:
        check_kind(given[0], ("translate",), options.run, task().kind)
        yield from _measure_translations(options, task())
        return
    for file in options.data:
        if holds_scored_pairs(file):
            yield file, _agreement(options.run, task, file)
            continue
        with task().reading(file) as data:
            yield file, task().evaluate(data)


def _measure_translations(
    options: EvaluateArguments, task: Any
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    rescoring = language_model_of(options.rescoring, options.device)
    for file in options.data if options.source is None else (options.source,):
        with task.reading(file, options.target) as pairs:
            yield file, task.evaluate(pairs, beam=options.beam, rescoring=rescoring)


def _agreement(run: str, task: Any, file: str) -> Mapping[str, Any]:
    """Measure the vectors of words that a run, or a file, has."""
    from elman.data.word_similarity import read_scored_pairs
    from elman.tasks.similar_words import SimilarWords
    from elman.tasks.word_vectors import vectors_of_words

    pairs = read_scored_pairs(file)
    if not os.path.isfile(run):
        return SimilarWords(task().word_vectors()).agreement(pairs)
    written = [word for pair in pairs for word in (pair.first, pair.second)]
    wanted = [*written, *(word.lower() for word in written)]
    return SimilarWords(vectors_of_words(run, wanted)).agreement(pairs)


def _means(summaries: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean of each measure that all files have; counts are none."""
    first, *others = summaries
    shared = [
        name
        for name, value in first.items()
        if isinstance(value, float) and all(name in other for other in others)
    ]
    return {name: sum(s[name] for s in summaries) / len(summaries) for name in shared}


def _print_side_by_side(files: Sequence[str], summaries: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for summary in summaries for name in summary))
    rows = [
        [file, *(summary.get(name, "") for name in names)]
        for file, summary in zip(files, summaries, strict=True)
    ]
    means = _means(summaries)
    rows.append([f"mean of {len(files)}", *(means.get(name, "") for name in names)])
    print_table(["data", *names], rows)
