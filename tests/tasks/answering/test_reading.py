"""What people write becomes stories, and stories become numbers."""

import re

import pytest

from elman.data.babi import words_of
from elman.errors import DataError
from elman.tasks.answering import make_batch
from elman.tasks.answering.reading import encode_questions, parse_inputs, unknown_words
from elman.tasks.answering.vocabulary import UNKNOWN, UNKNOWN_ANSWER


def test_a_question_sees_the_sentences_before_it(vocabulary, stories):
    names = {number: word for word, number in vocabulary.words.items()} | {0: ""}
    questions = iter(encode_questions(vocabulary, stories, 2))
    for story in stories:
        for asked in story.questions:
            question = next(questions)
            texts = story.sentences[: asked.seen][-2:]
            for numbers, text in zip(question.sentences.tolist(), texts, strict=True):
                assert tuple(names[n] for n in numbers if n) == words_of(text)
            assert tuple(names[n] for n in question.words.tolist()) == words_of(asked.text)
            assert list(vocabulary.answers)[question.answer] == asked.answer


def test_what_was_never_seen_is_unknown(vocabulary):
    (story,) = parse_inputs(["Ann went to the kitchen. Ann ate !. Where is Ann?"], "input")
    (question,) = encode_questions(vocabulary, [story], 50)
    assert question.sentences[0, 0] == question.words[2] == UNKNOWN
    assert question.answer == UNKNOWN_ANSWER
    assert unknown_words(vocabulary, [story]) == 4


def test_batches_are_padded_at_the_end(vocabulary, stories):
    questions = encode_questions(vocabulary, stories, 50)
    (sentences, asked), targets = make_batch(questions)
    assert targets.tolist() == [question.answer for question in questions]
    for row, (story, words, _) in enumerate(questions):
        height, width = story.shape
        assert (sentences[:height, row, :width] == story).all()
        assert not sentences[height:, row].any()
        assert not sentences[:height, row, width:].any()
        assert asked[: len(words), row].tolist() == words.tolist()
        assert not asked[len(words) :, row].any()


def test_a_line_is_a_story_and_its_question():
    first, second = parse_inputs(["", " Mary left. John came! Who left? ", "A. B?"], "line")
    assert first.sentences == ["Mary left.", "John came!"]
    assert [(q.text, q.answer, q.seen) for q in first.questions] == [("Who left?", None, 2)]
    assert second.sentences == ["A."]


def test_numbered_lines_are_stories_with_or_without_answers(lines, stories):
    assert list(parse_inputs(lines, "f, line")) == stories
    bare = [line.partition("\t")[0] for line in lines]
    found = list(parse_inputs(["", *bare], "f, line"))
    assert [story.sentences for story in found] == [story.sentences for story in stories]
    assert [q.line for s in found for q in s.questions] == [4, 6, 8, 12]


def test_stories_come_as_soon_as_they_are_complete(lines):
    taken = []

    def growing():
        for line in lines:
            taken.append(line)
            yield line

    next(parse_inputs(growing(), "line"))
    assert len(taken) == 6  # the second story has begun


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["Mary left."], "line 1: there is no question at the end"),
        (["Mary left. Did she"], "line 1: there is no question at the end"),
        (["A. B?", "", "Did she leave?"], "line 3: a question without its story"),
        (["Mary left. Did she? Why?"], "line 1: more than one question"),
        (["Mary left. Did she? She did. Why?"], "line 1: more than one question"),
        (["", "1 Mary left.", "3 Did she?"], "line 3: numbered 3 where 2 comes next"),
        (["1 Mary left."], "line 1: the story that starts here has no question"),
    ],
)
def test_what_is_no_story_is_refused_by_its_number(inputs, message):
    with pytest.raises(DataError, match=re.escape(message)):
        list(parse_inputs(inputs, "f, line"))
