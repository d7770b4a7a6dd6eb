"""Stories in the format of the bAbI tasks: what is read, and what is refused and where."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.babi import Question, parse_stories, read_stories, words_of
from elman.errors import DataError

TWO = """1 Mary moved to the bathroom.
2 Where is Mary? \tbathroom\t1
3 John got the apple.
4 What is carried?\tapple,milk\t1 3
1 A sheep sleeps.
2 Is it awake?\tno
"""


@pytest.fixture
def read(tmp_path):
    def stories(text):
        path = tmp_path / "stories.txt"
        path.write_text(text)
        return list(read_stories(path))

    return stories


def test_stories_and_their_questions_are_read(read):
    first, second = read(TWO)
    assert first.sentences == ["Mary moved to the bathroom.", "John got the apple."]
    assert first.questions == [
        Question("Where is Mary?", "bathroom", 1, 2),
        Question("What is carried?", "apple,milk", 2, 4),
    ]
    assert second.questions == [Question("Is it awake?", "no", 1, 6)]
    assert [*first.lines, *second.lines] == TWO.splitlines()


def test_blank_lines_change_nothing(read):
    assert [s.lines for s in read(TWO.replace("\n", "\n\n"))] == [s.lines for s in read(TWO)]


SENTENCE = st.sampled_from(["Mary went home.", "It rains."])
QUESTION = st.sampled_from(["Where is she?\thome\t1", "Does it rain?\tno"])
STORY = st.tuples(st.lists(SENTENCE, min_size=1), st.lists(st.one_of(SENTENCE, QUESTION)), QUESTION)


@given(st.lists(STORY, min_size=1))
def test_numbers_alone_separate_stories(stories):
    expected = [[*before, *between, last] for before, between, last in stories]
    lines = [f"{n} {text}" for story in expected for n, text in enumerate(story, 1)]
    found = list(parse_stories(lines, "stories"))
    assert [[line.partition(" ")[2] for line in story.lines] for story in found] == expected
    for story, texts in zip(found, expected, strict=True):
        assert story.sentences == [text for text in texts if "\t" not in text]
        for question in story.questions:
            place = question.line - 1
            start = max(n for n in range(place + 1) if lines[n].startswith("1 "))
            assert question.seen == sum("\t" not in line for line in lines[start:place])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 Where is Mary?\thome\n", "line 1: a question before any sentence of its story"),
        ("1 Mary left.\n3 Is she?\tno\n", "line 2: numbered 3 where 2 comes next"),
        ("2 Mary left.\n3 Is she?\tno\n", "line 1: numbered 2 where 1 comes next"),
        ("1 Mary left.\n2 Is she?\n", "line 2: the question has no answer"),
        ("1 Mary left.\n2 Is she?\t\t1\n", "line 2: the question has no answer"),
        ("1 Mary left.\n2 Is she?\tno\t1\t2\n", "line 2: expected a question, its answer"),
        ("1 Mary left.\n1 John left.\n2 Is he?\tno\n", "line 1: the story that starts here has no"),
        ("1 Mary left.\n2 Is she?\tno\n1 Mary left.\n", "line 3: the story that starts here"),
        ("Mary left.\n", "line 1: expected a number, a space and a sentence, got 'Mary left.'"),
        ("1\n", "line 1: expected a number"),
        (f"{'1' * 5000} Mary left.\n", "line 1: expected a number"),
        ("\n\n", "holds no story"),
        ("", "is empty"),
    ],
)
def test_what_is_no_story_is_refused_by_its_line(read, text, message):
    with pytest.raises(DataError, match=re.escape(message)):
        read(text)


def test_words_are_lower_case_without_marks():
    assert words_of("How do you go, from Mary's 2 rooms?") == (
        "how", "do", "you", "go", "from", "mary's", "2", "rooms",
    )  # fmt: skip


def test_the_distributed_tasks_are_read(data_folder):
    for path in (data_folder / "babi" / "en").iterdir():
        stories = list(read_stories(path))
        assert sum(len(story.questions) for story in stories) == 1000
        assert sum(len(story.lines) for story in stories) == len(path.read_text().splitlines())
