"""Surprisal against the scores of single tokens."""

import math

import numpy as np
import pytest
import torch

from elman.data import Tokenizer
from elman.tasks.language_model import LanguageModelConfig, LanguageModelTask
from elman.tasks.language_model.surprisal import measure_surprisal, show_surprisal

TEXT = "the cat sat on the mat\nthe dog ran\n"


@pytest.fixture(params=["char", "word"])
def task(request):
    config = LanguageModelConfig(unit=request.param, hidden_size=6, embedding_size=6)
    torch.manual_seed(3)
    return LanguageModelTask.create(config, Tokenizer.train(TEXT.splitlines(), request.param))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return str(path)


def test_bits_are_those_of_the_probabilities(task, file):
    ids, bits = measure_surprisal(task, file, 1000)
    assert task.tokenizer.decode(ids) == TEXT
    state, previous = task.model.initial_state(1), task.tokenizer.boundary
    for id, found in zip(ids, bits, strict=True):
        with torch.no_grad():
            log_probs, state = task.model.step(torch.tensor([previous]), state)
        assert found == pytest.approx(-math.log2(math.exp(log_probs[0, id])), rel=1e-4)
        previous = id


def test_only_the_beginning_is_measured(task, file):
    whole, bits = measure_surprisal(task, file, 1000)
    some, found = measure_surprisal(task, file, 11)
    assert some == whole[: len(some)]
    assert len(task.tokenizer.decode(some).replace(" ", "")) <= len("the cat sat")
    assert np.array_equal(found, bits[: len(some)])


def test_the_most_surprising_tokens_are_rows_and_the_text_a_picture(task, file, tmp_path):
    ids, bits = measure_surprisal(task, file, 400)
    name, picture, rows = show_surprisal(task, file, tmp_path)
    assert name == "surprisal"
    assert picture is not None
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert [row["bits"] for row in rows] == sorted(bits, reverse=True)[: len(rows)]
    place = int(np.argmax(bits))
    assert rows[0]["token"] == task.tokenizer.token(ids[place])
    before = "".join(map(task.tokenizer.token, ids[:place]))
    assert before.endswith(rows[0]["after"].replace(" ", "" if task.config.unit == "word" else " "))
    assert not any("\n" in row["token"] + row["after"] for row in rows)
