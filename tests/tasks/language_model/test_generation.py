import itertools

import pytest
import torch

from elman.data import Tokenizer
from elman.decoding import Sampler
from elman.errors import DataError
from elman.tasks.language_model import LanguageModelConfig, LanguageModelTask


@pytest.fixture(params=["char", "word", "bpe"])
def generator(request):
    lines = ["the cät sat", "on the mat", "a cät and the mat"]
    tokenizer = Tokenizer.train(lines, request.param)
    torch.manual_seed(1)
    made = LanguageModelTask.create(
        LanguageModelConfig(unit=request.param, hidden_size=6, embedding_size=5), tokenizer
    )
    for parameter in made.model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    made.model.eval()
    return made


@pytest.mark.parametrize("prompt", ["", "the", "the cät\non"])
def test_pieces_joined_are_the_text(generator, prompt):
    for sampler in (Sampler(), Sampler(0.5, top_k=3), Sampler(1.3, top_p=0.8), Sampler(0.0)):
        pieces = generator.stream(prompt, length=40, sampler=sampler, seed=7)
        (text,) = generator.generate(prompt, length=40, sampler=sampler, seed=7)
        assert "".join(pieces) == text
        assert text.startswith(prompt)


def test_the_same_seed_gives_the_same_text_and_another_another(generator):
    first = generator.generate("the", length=60, seed=1, count=3)
    assert first == generator.generate("the", length=60, seed=1, count=3)
    assert first != generator.generate("the", length=60, seed=2, count=3)
    assert len(set(first)) == 3


def test_generating_leaves_the_global_noise_alone(generator):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    generator.generate("the", length=5, seed=9)
    assert torch.equal(torch.rand(1), expected)


def test_temperature_zero_takes_the_likeliest_token_each_time(task):
    (text,) = task.generate("the", length=6, sampler=Sampler(0.0))
    tokens = task.tokenizer.encode("the").tolist()
    state = task.model.initial_state(1)
    for token in [task.tokenizer.boundary, *tokens]:
        log_probs, state = task.model.step(torch.tensor([token]), state)
    for _ in range(6):
        tokens.append(int(log_probs.argmax()))
        log_probs, state = task.model.step(torch.tensor([tokens[-1]]), state)
    assert text == task.tokenizer.decode(tokens)


def test_a_wide_beam_finds_the_most_probable_of_all_texts():
    tokenizer = Tokenizer.train(["ab"], "char")
    torch.manual_seed(6)
    made = LanguageModelTask.create(LanguageModelConfig(hidden_size=5, embedding_size=4), tokenizer)
    for parameter in made.model.parameters():
        torch.nn.init.normal_(parameter, std=1.0)
    made.model.eval()
    texts = ["b" + "".join(letters) for letters in itertools.product("\nab", repeat=4)]
    exhaustive = {
        score["text"]: sum(token["log_probability"] for token in tokens[1:])
        for score, tokens in made.score(texts)
    }
    ranked = sorted(exhaustive, key=exhaustive.__getitem__, reverse=True)
    found = made.search("b", length=4, width=81)
    assert [text for text, _ in found[:5]] == ranked[:5]
    for text, hypothesis in found:
        assert hypothesis.log_probability == pytest.approx(exhaustive[text], abs=1e-4)


def test_an_unseen_character_of_the_prompt_is_named():
    made = LanguageModelTask.create(
        LanguageModelConfig(hidden_size=4), Tokenizer.train(["ab"], "char")
    )
    with pytest.raises(DataError, match="'z'"):
        list(made.stream("abz"))
    with pytest.raises(DataError, match="'z'"):
        made.generate("z")
    with pytest.raises(DataError, match="'z'"):
        made.search("z", length=2, width=2)
