"""Stories with questions, in the format of the bAbI tasks.

Lines are numbered from 1 within a story, and a new story starts at 1 again. A line is a sentence,
or a question, a tab, its answer, and possibly another tab and the sentences that support it:

    1 Mary moved to the bathroom.
    2 John went to the hallway.
    3 Where is Mary?<tab>bathroom<tab>1
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, NoReturn

from elman.data.running_text import split_words
from elman.data.text import Source, read_lines, source_name
from elman.errors import DataError

Words = tuple[str, ...]
"""Of a sentence or a question: lower case, without marks."""

_NUMBERED = re.compile(r"([0-9]{1,9})[ \t]+(\S.*)")


class Question(NamedTuple):
    """A question about a story.

    Args:
        text: the question as it stands there.
        answer: the answer; several words have commas between them; None if there is none.
        seen: how many sentences of the story stand before it.
        line: its line in the file, from 1.
    """

    text: str
    answer: str | None
    seen: int
    line: int


class Story(NamedTuple):
    """A story and what is asked about it.

    Args:
        sentences: the sentences as they stand there.
        questions: the questions, in the order in which they are asked.
        lines: all its lines as they stand in the file.
    """

    sentences: list[str]
    questions: list[Question]
    lines: list[str]


def words_of(text: str) -> Words:
    """Cut a sentence or a question into words.

    Args:
        text: of the sentence.

    Returns:
        Its words in lower case, without marks.
    """
    return tuple(word for word in split_words(text.lower()) if word[0].isalnum() or word[0] == "_")


def read_stories(path: Source) -> Iterator[Story]:
    """Stream the stories of a file.

    Args:
        path: a UTF-8 file, compressed if its name ends in `.gz`, or `-` for standard input; blank
            lines are passed over.

    Yields:
        One story after the other.

    Raises:
        DataError: the file cannot be read, holds no story, or what stands in it is none; names
            the line.
    """
    name, found = source_name(path), False
    for story in parse_stories(read_lines(path), name):
        found = True
        for question in story.questions:
            if question.answer is None:
                raise DataError(
                    f"{name}, line {question.line}: the question has no answer: after it come a "
                    "tab and the answer."
                )
        yield story
    if not found:
        raise DataError(f"{name} holds no story: give numbered lines, as the bAbI tasks have them.")


def parse_stories(lines: Iterable[str], name: str) -> Iterator[Story]:
    """Read stories from lines, as soon as each is complete; see `read_stories`.

    Args:
        lines: the lines.
        name: where they are from, for messages.

    Yields:
        One story after the other; questions may be without answers if they end in `?`.

    Raises:
        DataError: what stands there is no story; names the line.
    """
    reader = _Reader(name)
    for number, line in enumerate(lines, 1):
        if line.strip() and (story := reader.take(line, number)) is not None:
            yield story
    if reader.story.lines:
        yield reader.end()


class _Reader:
    """Gathers the lines of one story after the other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.line = 0  # in the file
        self.begin()

    def begin(self) -> None:
        self.story = Story([], [], [])
        self.first_line = 0
        self.number = 0  # of the last line, within the story

    def take(self, line: str, line_number: int) -> Story | None:
        """Take a line; return the story before it if the line begins a new one."""
        self.line = line_number
        match = _NUMBERED.fullmatch(line)
        if match is None:
            self.refuse(f"expected a number, a space and a sentence, got {line[:40]!r}")
        number, done = int(match[1]), None
        if number == 1 and self.story.lines:
            done = self.end()
        if number != self.number + 1:
            self.refuse(
                f"numbered {number} where {self.number + 1} comes next: the lines of a story count "
                "1, 2, 3, and a new story starts at 1"
            )
        if not self.story.lines:
            self.first_line = line_number
        self.number = number
        self.story.lines.append(line)
        text, *rest = match[2].split("\t")
        if rest or text.rstrip().endswith("?"):
            self.ask(text.strip(), rest)
        else:
            self.story.sentences.append(text.strip())
        return done

    def ask(self, text: str, rest: list[str]) -> None:
        if not self.story.sentences:
            self.refuse("a question before any sentence of its story")
        if len(rest) > 2:
            self.refuse(
                f"expected a question, its answer and what supports it, got {rest[2]!r} too"
            )
        answer = rest[0].strip() if rest else None
        if answer == "":
            self.refuse("the question has no answer: after it come a tab and the answer")
        seen = len(self.story.sentences)
        self.story.questions.append(Question(text, answer, seen, self.line))

    def end(self) -> Story:
        story = self.story
        if not story.questions:
            raise DataError(
                f"{self.name}, line {self.first_line}: the story that starts here has no question."
            )
        self.begin()
        return story

    def refuse(self, what: str) -> NoReturn:
        raise DataError(f"{self.name}, line {self.line}: {what}.")
