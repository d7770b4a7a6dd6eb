"""What `elman inspect --errors` shows: how often a translation is wrong, and whose fault it is."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from elman.metrics import Pronunciation, pronunciation_summary, translation_summary
from elman.plots import quality_by_length
from elman.tasks.task import Finding
from elman.tasks.translation.blame import Blame, Verdict, best_references, gather, judge
from elman.tasks.translation.lengths import LengthGroup, group_by_length
from elman.tasks.translation.reading import Pair

if TYPE_CHECKING:
    from elman.tasks.translation.task import TranslationTask

WIDTHS = (1, 2, 5, 10)
"""Beams that are compared, with those of the settings."""
EXAMPLES = 3
"""Wrong outputs that are shown, of each fault."""


def look_at_errors(
    tasks: "Mapping[str, TranslationTask]", pairs: Sequence[Pair], folder: Path
) -> Iterator[Finding]:
    """Say how often translations are wrong, and whether search or model is to blame.

    Args:
        tasks: the systems by the names the picture gives them; the errors are those of the first,
            the others are drawn beside it.
        pairs: sources and references, at least one, neither side empty.
        folder: where the picture is written.

    Yields:
        Shares by beam width and, with the beams of the settings, by length; examples; a picture
        of the quality by length. A system of phrases has no probabilities: nothing is blamed.
    """
    name, first = next(iter(tasks.items()))
    sentences = gather(pairs, alternatives=first.config.pronounces)
    none = [None] * len(sentences)
    own = first.search(None, wanted=1)
    references = none if first.is_counted else best_references(first, sentences, own)
    rows, verdicts = [], []
    for beam in sorted({*WIDTHS, own.beam}):
        found = judge(first, sentences, references, first.search(beam, wanted=1))
        rows.append({"beam": beam, **_summary(first, found)})
        if beam == own.beam:
            verdicts = found
    yield Finding("errors by beam width", rows=rows)

    groups = group_by_length([verdict.length for verdict in verdicts])
    rows = [
        {"source_tokens": group.name, **_summary(first, [verdicts[row] for row in group.rows])}
        for group in groups
    ]
    yield Finding("errors by source length", rows=rows)
    yield Finding("examples", rows=list(_examples(verdicts)))

    beside = {
        other: judge(task, sentences, none, task.search(None, wanted=1))
        for other, task in tasks.items()
        if other != name
    }
    yield _by_length(first, {name: verdicts, **beside}, groups, folder)


def _summary(task: "TranslationTask", verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return shares of right and wrong outputs, and how good they are in all."""
    count = len(verdicts)
    summary: dict[str, Any] = {"sentences": count}
    for blame in ("right",) if task.is_counted else get_args(Blame):
        summary[blame] = sum(verdict.blame == blame for verdict in verdicts) / count
    if not task.is_counted:
        summary["log_probability"] = sum(v.output.log_probability or 0.0 for v in verdicts) / count
    return {**summary, **_quality(task, verdicts)}


def _quality(task: "TranslationTask", verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Return the task's main measures."""
    if not task.config.pronounces:
        found = [verdict.output.text for verdict in verdicts]
        summary = translation_summary(found, [v.sentence.references[0] for v in verdicts])
        return {"bleu": summary["bleu"]}
    errors = pronunciation_summary(
        Pronunciation(v.output.text.split(), [text.split() for text in v.sentence.references])
        for v in verdicts
    )
    return {"word_error": errors["word_error"], "phoneme_error": errors["phoneme_error"]}


def _examples(verdicts: Sequence[Verdict]) -> Iterator[dict[str, Any]]:
    """Describe some wrong outputs of each fault, those with the largest gap first."""
    scored = [(verdict, verdict.reference) for verdict in verdicts if verdict.reference]
    ranked = sorted(scored, key=lambda pair: -abs(pair[1].score - pair[0].output.score))
    for blame in ("search", "model"):
        some = [pair for pair in ranked if pair[0].blame == blame]
        for verdict, reference in some[:EXAMPLES]:
            for name, target in (("reference", reference), ("output", verdict.output)):
                yield {
                    "blame": blame,
                    "source": verdict.sentence.source,
                    "target": name,
                    "text": target.text,
                    "log_probability": target.log_probability,
                    "score": target.score,
                }


def _by_length(
    task: "TranslationTask",
    systems: Mapping[str, Sequence[Verdict]],
    groups: Sequence[LengthGroup],
    folder: Path,
) -> Finding:
    rows: list[dict[str, Any]] = [
        {
            "run": name,
            "source_tokens": group.name,
            "sentences": len(group.rows),
            **_quality(task, [verdicts[row] for row in group.rows]),
        }
        for name, verdicts in systems.items()
        for group in groups
    ]
    measure, quantity = ("word_error", "word error") if task.config.pronounces else ("bleu", "BLEU")
    values = {n: [row[measure] for row in rows if row["run"] == n] for n in systems}
    path = folder / "quality_by_length.png"
    sizes = {group.name: len(group.rows) for group in groups}
    quality_by_length(sizes, values, path, quantity=quantity)
    return Finding("quality by source length", path, rows if len(systems) > 1 else ())
