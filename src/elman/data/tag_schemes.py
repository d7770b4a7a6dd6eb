"""Spans written as tags: IOB1, IOB2, IOBES, read by one rule and written anew."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Scheme = Literal["IOB1", "IOB2", "IOBES"]
OUTSIDE = "O"


class Span(NamedTuple):
    """Some neighbouring words with one label.

    Args:
        start: the first word, from 0.
        stop: one past the last word.
        label: its label.
    """

    start: int
    stop: int
    label: str


def is_span_tag(tag: str) -> bool:
    """Tell whether a tag may belong to a scheme: `O`, or a letter, a dash and a label.

    Args:
        tag: the tag.
    """
    return tag == OUTSIDE or (len(tag) > 2 and tag[0] in "BIES" and tag[1] == "-")


def find_spans(tags: Sequence[str]) -> list[Span]:
    """Read the spans out of tags of any scheme, broken sequences as the standard script does.

    A span begins at `B-` and `S-`, and at any other tag whose label is not that of the span before
    it; it ends before the next one begins, before `O`, and after `E-` and `S-`.

    Args:
        tags: one a word.

    Returns:
        The spans in order.

    Reference:
        Tjong Kim Sang & De Meulder 2003, "Introduction to the CoNLL-2003 shared task", section
        2.4: the program conlleval.
    """
    spans: list[Span] = []
    start, label = 0, ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        kind, _, own = tag.partition("-")
        if label and (kind in "OBS" or own != label):
            spans.append(Span(start, place, label))
            label = ""
        if kind != OUTSIDE and not label:
            start, label = place, own
        if kind in "ES" and label:
            spans.append(Span(start, place + 1, label))
            label = ""
    return spans


def write_spans(spans: Iterable[Span], length: int, scheme: Scheme) -> list[str]:
    """Write spans as tags.

    Args:
        spans: in order, not overlapping.
        length: words of the sentence.
        scheme: how to write them.

    Returns:
        One tag a word.
    """
    tags = [OUTSIDE] * length
    last = Span(0, 0, "")
    for span in spans:
        start, stop, label = span
        tags[start:stop] = [f"I-{label}"] * (stop - start)
        touches = last.stop == start and last.label == label
        if scheme != "IOB1" or touches:
            tags[start] = f"B-{label}"
        if scheme == "IOBES":
            tags[stop - 1] = f"E-{label}" if stop - start > 1 else f"S-{label}"
        last = span
    return tags


def find_scheme(sentences: Iterable[Sequence[str]]) -> Scheme | None:
    """Recognise the scheme of a corpus.

    Args:
        sentences: the tags of each.

    Returns:
        The scheme in which most spans begin as they should; None if the tags are no spans, such
        as parts of speech.
    """
    begins: Counter[str] = Counter()
    for tags in sentences:
        if not all(map(is_span_tag, tags)):
            return None
        begins.update(tags[span.start][0] for span in find_spans(tags))
    if begins["S"] or begins["E"]:
        return "IOBES"
    return "IOB2" if begins["B"] > begins["I"] else "IOB1"


def count_broken(tags: Sequence[str], scheme: Scheme) -> int:
    """Count the tags that break their scheme, which reading spans repairs.

    Args:
        tags: one a word.
        scheme: what they should be in.

    Returns:
        How many differ from the spans written again.
    """
    again = write_spans(find_spans(tags), len(tags), scheme)
    return sum(own != other for own, other in zip(tags, again, strict=True))


def may_follow(first: str, second: str) -> bool:
    """Tell whether one tag may follow another in the scheme IOBES.

    Args:
        first: a tag; `O` stands also for the beginning of a sentence.
        second: the next; `O` stands also for the end of a sentence.
    """
    inside = first[0] in "BI"
    goes_on = second[0] in "IE"
    return inside == goes_on and (not inside or first[2:] == second[2:])
