import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.data import Corpus, Tokenizer
from elman.errors import DataError
from elman.tasks.language_model import LanguageModelConfig, LanguageModelTask, scoring

TEXTS = ["the cat", "a", "on the mat sat a cat", "", "cat cat cat", "the", "a cat sat on the"]


def corpus_of(task, text, folder):
    path = folder / "text.txt"
    path.write_text(text)
    return Corpus.build([path], task.tokenizer, folder / "corpus", workers=1)


def test_texts_together_score_as_one_at_a_time(task):
    together = task.score(TEXTS)
    for text, (score, tokens) in zip(TEXTS, together, strict=True):
        ((alone, alone_tokens),) = task.score([text])
        assert score["text"] == text
        assert score["tokens"] == alone["tokens"] == len(tokens)
        assert score["log_probability"] == pytest.approx(alone["log_probability"], abs=1e-4)
        assert [t["token"] for t in tokens] == [t["token"] for t in alone_tokens]
        for own, single in zip(tokens, alone_tokens, strict=True):
            assert own["log_probability"] == pytest.approx(single["log_probability"], abs=1e-4)


def test_small_batches_score_as_large_ones(task, monkeypatch):
    large = task.score(TEXTS)
    monkeypatch.setattr(scoring, "TOKENS_AT_ONCE", 8)
    for (score, _), (other, _) in zip(task.score(TEXTS), large, strict=True):
        assert score["log_probability"] == pytest.approx(other["log_probability"], abs=1e-4)


def test_a_score_is_the_sum_of_its_tokens_and_has_their_perplexity(task):
    for score, tokens in task.score(TEXTS):
        total = sum(token["log_probability"] for token in tokens)
        assert score["log_probability"] == pytest.approx(total, abs=1e-6)
        if tokens:
            assert score["perplexity"] == pytest.approx(math.exp(-total / len(tokens)))
        else:
            assert score["perplexity"] is None


def test_a_sentence_of_words_is_closed_and_characters_are_not(task):
    (score, tokens), *_ = task.score(["the cat"])
    names = [token["token"] for token in tokens]
    assert names == (["the", "cat", "<eos>"] if task.tokenizer.unit == "word" else list("the cat"))
    assert score["tokens"] == len(names)


def test_one_line_evaluates_to_its_score(task, tmp_path):
    line = "the cat sat on a mat"
    ending = "\n" if task.tokenizer.unit == "word" else ""
    ((score, _),) = task.score([line])
    summary = task.evaluate(corpus_of(task, line + ending, tmp_path))
    assert summary["tokens"] == score["tokens"]
    assert -summary["loss"] * summary["tokens"] == pytest.approx(score["log_probability"], rel=1e-5)
    assert summary["perplexity"] == pytest.approx(score["perplexity"], rel=1e-5)
    bits = -score["log_probability"] / math.log(2)
    assert summary["bits_per_token"] == pytest.approx(bits / score["tokens"], rel=1e-5)
    assert summary["bits_per_character"] == pytest.approx(bits / len(line + ending), rel=1e-5)


def test_line_totals_add_up_to_the_evaluation(task, tmp_path):
    text = "the cat\n\non a mat\nsat the cat a\n"
    corpus = corpus_of(task, text, tmp_path)
    totals, summary = task.line_totals(corpus), task.evaluate(corpus)
    assert totals.characters.tolist() == [len(line) + 1 for line in text.splitlines()]
    assert totals.tokens.sum() == summary["tokens"] == len(corpus.tokens)
    assert totals.losses.sum() == pytest.approx(summary["loss"] * summary["tokens"])
    assert np.all(totals.losses > 0)
    # The second half of a split has the state of the first no more, but counts its own lines.
    head, tail = corpus.split(0.4)
    parts = [task.line_totals(part) for part in (head, tail)]
    assert np.concatenate([p.characters for p in parts]).tolist() == totals.characters.tolist()
    assert np.concatenate([p.tokens for p in parts]).tolist() == totals.tokens.tolist()
    np.testing.assert_allclose(parts[0].losses, totals.losses[: head.lines], rtol=1e-5)


def test_the_length_of_chunks_changes_no_number(task, tmp_path, monkeypatch):
    corpus = corpus_of(task, "the cat\non a mat\nsat\n" * 5, tmp_path)
    whole = task.evaluate(corpus)["loss"]
    monkeypatch.setattr(scoring, "CHUNK", 3)
    assert task.evaluate(corpus)["loss"] == pytest.approx(whole, rel=1e-6)


def test_an_unseen_character_is_named():
    tokenizer = Tokenizer.train(["abc"], "char")
    made = LanguageModelTask.create(LanguageModelConfig(hidden_size=4), tokenizer)
    with pytest.raises(DataError, match=r"'x' \(U\+0078\)"):
        made.score(["ab", "axb"])


@given(texts=st.lists(st.text(alphabet="abc \n", max_size=12), max_size=8))
def test_any_texts_can_be_scored(texts):
    tokenizer = Tokenizer.train(["abc "], "char")
    torch.manual_seed(1)
    made = LanguageModelTask.create(LanguageModelConfig(hidden_size=4, embedding_size=3), tokenizer)
    made.model.eval()
    found = made.score(texts)
    assert [score["text"] for score, _ in found] == texts
    assert [score["tokens"] for score, _ in found] == [len(text) for text in texts]
    assert all(score["log_probability"] <= 0 for score, _ in found)
