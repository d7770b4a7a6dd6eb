"""From stories to questions as numbers."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from elman.data.babi import Question, Story, parse_stories, words_of
from elman.errors import DataError
from elman.tasks.answering.batches import EncodedQuestion
from elman.tasks.answering.vocabulary import Vocabulary

_SENTENCE = re.compile(r"[^.!?]*[.!?]")
_FIRST_LINE = re.compile(r"\s*1\s+\S")


def encode_questions(
    vocabulary: Vocabulary, stories: Iterable[Story], most_sentences: int
) -> list[EncodedQuestion]:
    """Turn the questions of stories into numbers.

    Args:
        vocabulary: the words and answers.
        stories: the stories.
        most_sentences: of a story that are kept, the last before the question.

    Returns:
        The questions, in their order.
    """
    encoded = []
    for story in stories:
        sentences = vocabulary.encode_sentences(story.sentences)
        for text, answer, seen, _ in story.questions:
            kept = sentences[max(0, seen - most_sentences) : seen]
            words, number = vocabulary.encode(text), vocabulary.number_of(answer)
            encoded.append(EncodedQuestion(kept, words, number))
    return encoded


def parse_inputs(inputs: Iterable[str], where: str) -> Iterator[Story]:
    """Read stories as people write them.

    Args:
        inputs: each is a story that ends in its question, `Mary went home. Where is Mary?`. Or
            they are the lines of a bAbI file, whose answers are not looked at: then the first
            begins with the number 1. Empty ones are passed over.
        where: what an input's number, from 1, comes after in messages.

    Yields:
        Stories with one question or several.

    Raises:
        DataError: if an input is no story, or has no question; names its number.
    """
    given = iter(inputs)
    for number, first in enumerate(given, 1):
        if not first.strip():
            continue
        if _FIRST_LINE.match(first):
            blank = [""] * (number - 1)
            yield from parse_stories(chain(blank, [first], given), where.removesuffix(", line"))
        else:
            yield _parse_story(first, f"{where} {number}")
            rest = enumerate(given, number + 1)
            yield from (_parse_story(text, f"{where} {n}") for n, text in rest if text.strip())


def _parse_story(text: str, where: str) -> Story:
    parts = [part.strip() for part in _SENTENCE.findall(text)]
    sentences = [part for part in parts if not part.endswith("?")]
    example = "give a story and its question, as in: Mary went home. Where is Mary?"
    if not text.rstrip().endswith("?"):
        raise DataError(f"{where}: there is no question at the end: {example}")
    if len(parts) != len(sentences) + 1:
        raise DataError(f"{where}: more than one question: {example}")
    if not sentences:
        raise DataError(f"{where}: a question without its story: {example}")
    question = Question(parts[-1], None, len(sentences), 1)
    return Story(sentences, [question], [text])


def unknown_words(vocabulary: Vocabulary, stories: Sequence[Story]) -> int:
    """Count the words of stories that the training data does not have.

    Args:
        vocabulary: the words.
        stories: the stories.

    Returns:
        How many words of theirs are unknown, each time they occur.
    """
    texts = chain.from_iterable(
        chain(story.sentences, (question.text for question in story.questions)) for story in stories
    )
    return sum(word not in vocabulary.words for text in texts for word in words_of(text))
