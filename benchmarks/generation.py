"""Generation speed beside a plain PyTorch sampling loop: characters a second, one stream.

LSTM with 512 units over 65 characters. Run with:

    python benchmarks/generation.py
"""

import torch
from interleave import compare
from torch import nn

from elman.decoding import Sampler, sample
from elman.tasks.language_model import LanguageModelConfig
from elman.tasks.language_model.build import build_model

CHARACTERS, EMBEDDING, UNITS, LENGTH, TEMPERATURE = 65, 64, 512, 200, 0.8


class PlainModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CHARACTERS, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, UNITS)
        self.linear = nn.Linear(UNITS, CHARACTERS)


def plain_loop(model: PlainModel) -> None:
    token, state = torch.zeros(1, 1, dtype=torch.long), None
    with torch.no_grad():
        for _ in range(LENGTH):
            output, state = model.lstm(model.embedding(token), state)
            probabilities = (model.linear(output[0]) / TEMPERATURE).softmax(dim=-1)
            token = torch.multinomial(probabilities, 1)
            token.item()


if __name__ == "__main__":
    torch.manual_seed(1)
    plain = PlainModel().eval()
    config = LanguageModelConfig(embedding_size=EMBEDDING, hidden_size=UNITS)
    model = build_model(config, CHARACTERS, 0).eval()
    generator, sampler = torch.Generator().manual_seed(1), Sampler(TEMPERATURE)

    def elman() -> None:
        first, state = torch.zeros(1, dtype=torch.long), model.initial_state(1)
        for token in sample(model.stream(), state, first, LENGTH, sampler, generator):
            token.item()

    contenders = {"plain nn.LSTM loop": lambda: plain_loop(plain), "elman": elman}
    compare("LSTM 512, one stream", contenders, LENGTH, rounds=15)
