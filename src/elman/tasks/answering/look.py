"""What `elman inspect` shows of an answering network."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.babi import Question, Story
from elman.tasks.answering.answers import Answer
from elman.tasks.task import Finding

ALTERNATIVES = 3
"""Further answers that are told with their probabilities."""
UNCERTAIN = 10
"""Questions shown of those the network is least sure of."""
READABLE = 12
"""Sentences of the story that is drawn, at most, if there is one."""


def tell(answer: Answer, names: Sequence[str]) -> dict[str, Any]:
    """Put an answer into words.

    Args:
        answer: the answer.
        names: the answers by number.

    Returns:
        What `predict` yields of it.
    """
    ranked, shares = answer.log_probs.argsort()[::-1].tolist(), np.exp(answer.log_probs).tolist()
    told: dict[str, Any] = {
        "output": names[ranked[0]],
        "score": shares[ranked[0]],
        "alternatives": [
            {"output": names[number], "score": shares[number]}
            for number in ranked[1 : 1 + ALTERNATIVES]
        ],
    }
    if answer.attention is not None:
        told["attention"] = answer.attention.tolist()
    return told


def look_at(
    stories: Sequence[Story], answers: Sequence[Answer], names: Sequence[str], folder: Path
) -> Iterator[Finding]:
    """Show where the network looks, and what it is least sure of.

    Args:
        stories: the stories.
        answers: one a question of theirs.
        names: the answers by number.
        folder: where the picture is written.

    Yields:
        The attention over the longest story that is easily read, and a table of questions.
    """
    asked = [(story, question) for story in stories for question in story.questions]
    shown = max(range(len(asked)), key=lambda place: _readable(asked[place][1]))
    if answers[shown].attention is not None:
        path = folder / "story_attention.png"
        _draw(*asked[shown], answers[shown], names, path)
        yield Finding("attention", path)
    unsure = sorted(range(len(asked)), key=lambda place: answers[place].log_probs.max())
    rows = []
    for place in unsure[:UNCERTAIN]:
        question, told = asked[place][1], tell(answers[place], names)
        rows.append(
            {
                "line": question.line,
                "question": question.text,
                "answer": question.answer,
                "found": told["output"],
                "probability": told["score"],
            }
        )
    yield Finding("most uncertain questions", rows=rows)


def _readable(question: Question) -> int:
    return question.seen if question.seen <= READABLE else -question.seen


def _draw(
    story: Story, question: Question, answer: Answer, names: Sequence[str], path: Path
) -> None:
    # matplotlib loads slowly, and only this needs it.
    from elman.plots import story_attention

    assert answer.attention is not None
    sentences = story.sentences[: question.seen][-answer.attention.shape[1] :]
    told = f"{question.text} {names[int(answer.log_probs.argmax())]}"
    story_attention(sentences, told, answer.attention, path)
