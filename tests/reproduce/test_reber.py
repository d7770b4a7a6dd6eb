"""The grammar against a regular expression, and against what is seen in many strings."""

import re
from collections import defaultdict

import numpy as np
import pytest
import torch

from elman.cells import ElmanCell
from elman.learning import TruncatedBPTT, build_optimizer
from elman.reproduce import reber
from elman.reproduce.classifier import NO_TARGET, SymbolPredictor

LOWER = "T*V(?:PXT*V)*(?:V|PS)"
REBER = f"B(?:TS*X(?:S|X{LOWER})|P{LOWER})E"
EMBEDDED = re.compile(f"B([TP]){REBER}\\1E")


@pytest.fixture(scope="module")
def strings():
    generator = np.random.default_rng(1)
    return [reber.draw_string(generator) for _ in range(4000)]


def test_strings_are_of_the_language(strings):
    assert all(EMBEDDED.fullmatch(string.text) for string in strings)
    assert {string.text[1] for string in strings} == {"T", "P"}


def test_successors_are_those_seen_after_the_same_beginning(strings):
    seen, told = defaultdict(set), {}
    count = defaultdict(int)
    for text, successors in strings:
        assert len(successors) == len(text) - 1
        for step, allowed in enumerate(successors):
            beginning = text[: step + 1]
            seen[beginning].add(text[step + 1])
            count[beginning] += 1
            assert told.setdefault(beginning, set(allowed)) == set(allowed)
    often = [beginning for beginning in seen if count[beginning] >= 60]
    assert len(often) > 30
    assert all(seen[beginning] == told[beginning] for beginning in often)
    assert all(seen[beginning] <= told[beginning] for beginning in seen)


def test_the_strings_are_those_of_the_seed():
    first, again, other = reber.Task(4), reber.Task(4), reber.Task(5)
    assert first.test.inputs.shape[1] == reber.STRINGS
    assert torch.equal(first.test.inputs, again.test.inputs)
    assert not torch.equal(first.test.inputs[:8], other.test.inputs[:8])


def test_encoding(strings):
    (inputs, targets, _), allowed = reber.encode(strings[:20])
    for row, (text, successors) in enumerate(strings[:20]):
        steps = len(text) - 1
        assert "".join(reber.SYMBOLS[i] for i in inputs[:steps, row]) == text[:-1]
        assert "".join(reber.SYMBOLS[i] for i in targets[:steps, row]) == text[1:]
        assert (targets[steps:, row] == NO_TARGET).all()
        for step in range(steps):
            named = {reber.SYMBOLS[i] for i in allowed[step, row].nonzero().flatten()}
            assert named == set(successors[step])
        assert not allowed[steps:, row].any()


def test_online_learning_changes_the_weights_after_every_symbol(monkeypatch):
    monkeypatch.setattr(reber, "ONLINE_STRINGS", 3)
    task = reber.Task(1)
    torch.manual_seed(1)
    model = SymbolPredictor(ElmanCell(len(reber.SYMBOLS), 4))
    learner = TruncatedBPTT(
        build_optimizer("adam", model.parameters(), learning_rate=0.1), horizon=1
    )
    lengths = []
    update = learner.update

    def note(model, batch, state):
        lengths.append(len(batch.inputs))
        return update(model, batch, state)

    monkeypatch.setattr(learner, "update", note)
    share = task.learn_online(model, learner)
    assert set(lengths) == {1}
    assert len(lengths) >= 3 * 8
    assert share == task.share_known(model)


def test_batch_learning_learns(monkeypatch):
    monkeypatch.setattr(reber, "BATCHES", 20)
    task = reber.Task(1)
    torch.manual_seed(1)
    model = SymbolPredictor(ElmanCell(len(reber.SYMBOLS), 8))
    (inputs, targets, _), state = task.test, model.initial_state(reber.STRINGS)
    before = model.criterion(model(inputs, state)[0], targets)
    task.learn_in_batches(model)
    assert model.criterion(model(inputs, state)[0], targets) < before - 0.3
