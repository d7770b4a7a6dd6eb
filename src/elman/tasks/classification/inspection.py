"""What a classifier mistakes, doubts and looks at."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float

from elman.data.tables import LabelledText
from elman.plots import AttendedText, attention_over_words, confusion_matrix
from elman.tasks.classification.cutting import pieces
from elman.tasks.task import Finding

if TYPE_CHECKING:
    from elman.tasks.classification.task import ClassificationTask

MOST_UNCERTAIN = 20
"""Rows shown."""
ATTENDED = 12
"""Texts whose attention is drawn."""
LONGEST_DRAWN = 100
"""Words or characters of such a text."""
LONGEST_SHOWN = 80
"""Characters of a text in a row."""


def look_inside(task: "ClassificationTask", file: str, folder: Path) -> Iterator[Finding]:
    """Show confusions, the items whose classes are the least certain, and attention.

    Args:
        task: a classifier.
        file: a table of labelled texts.
        folder: where pictures are written.

    Yields:
        What was found.
    """
    with task.reading(file) as rows:
        logits, weights = task.score([task.encode(row) for row in rows])
    shares = torch.from_numpy(logits).softmax(dim=1).numpy()
    yield _confusion(task, rows, shares.argmax(axis=1), folder / "confusion.png")
    yield Finding("most uncertain", rows=_uncertain(list(task.vocabulary.labels), rows, shares))
    if weights is not None:
        yield _attention(task, rows, shares, weights, folder / "attention.png")


def _confusion(
    task: "ClassificationTask", rows: Sequence[LabelledText], found: np.ndarray, path: Path
) -> Finding:
    names = list(task.vocabulary.labels)
    unseen = sorted({row.label for row in rows} - set(names))
    places = {name: place for place, name in enumerate(names + unseen)}
    counts = np.zeros((len(places), len(places)), dtype=np.int64)
    np.add.at(counts, (np.array([places[row.label] for row in rows]), found), 1)
    confusion_matrix(counts, list(places), path)
    return Finding("confusion matrix", picture=path)


def _uncertain(
    names: Sequence[str], rows: Sequence[LabelledText], shares: Float[np.ndarray, "rows classes"]
) -> list[dict[str, object]]:
    """Return the rows whose probabilities have the largest entropy."""
    entropy = -(shares * np.log(shares.clip(np.finfo(shares.dtype).tiny))).sum(axis=1)
    shown = []
    for row in np.argsort(-entropy, kind="stable")[:MOST_UNCERTAIN].tolist():
        first, second = np.argsort(-shares[row], kind="stable")[:2].tolist()
        shown.append(
            {
                "text": rows[row].text[:LONGEST_SHOWN],
                "label": rows[row].label,
                "output": names[first],
                "score": float(shares[row, first]),
                "second": names[second],
                "second_score": float(shares[row, second]),
                "entropy": float(entropy[row]),
            }
        )
    return shown


def _attention(
    task: "ClassificationTask",
    rows: Sequence[LabelledText],
    shares: Float[np.ndarray, "rows classes"],
    weights: Sequence[Float[np.ndarray, " _"]],
    path: Path,
) -> Finding:
    """Draw some texts, taken from each class in turn."""
    names, texts = list(task.vocabulary.labels), []
    for row in _in_turn([row.label for row in rows]):
        words = pieces(task.config, rows[row].text)
        if not 0 < len(words) <= LONGEST_DRAWN:
            continue
        found = int(shares[row].argmax())
        title = f"found {names[found]} with probability {shares[row, found]:.2f}"
        if names[found] != rows[row].label:
            title += f", truly {rows[row].label}"
        texts.append(AttendedText(title, words, weights[row]))
        if len(texts) == ATTENDED:
            break
    if not texts:
        return Finding("attention")
    attention_over_words(texts, path, gap=0 if task.config.unit == "char" else 1)
    return Finding("attention", picture=path)


def _in_turn(labels: Sequence[str]) -> list[int]:
    """Return places so that each class has its first before any has its second."""
    seen: dict[str, int] = {}
    turns = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        turns.append(seen[label])
    return sorted(range(len(labels)), key=lambda place: (turns[place], labels[place]))
