"""Training of a translator beside the loop of the tutorials, in one process, in turns.

Both have the same layers: an LSTM that reads both ways, a decoder with multiplicative attention,
a softmax; both learn from the same batch with the same dropout, smoothing, clipping and Adam. The
loop writes the target token by token, as the tutorials do. The lengths are drawn around those of
captions cut into pieces, and of words and their sounds. Run with:

    python benchmarks/translation_training.py
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from interleave import compare
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman.learning import BPTT
from elman.tasks.translation import TranslationConfig, TranslationNetwork
from elman.tasks.translation.batches import EncodedPair, TranslationBatch, join_pairs

SMOOTHING, CLIP, ROUNDS = 0.1, 1.0, 15


class Sizes(NamedTuple):
    """A setting, and what it learns from."""

    source: int
    target: int
    embedding: int
    hidden: int
    dropout: float
    tie: bool
    batch: int
    lengths: tuple[int, int]


SETTINGS = {
    "captions": Sizes(5000, 5000, 256, 256, 0.4, True, 64, (8, 20)),
    "sounds": Sizes(30, 42, 128, 256, 0.1, False, 64, (5, 10)),
}


class Tutorial(nn.Module):
    """What one writes in torch first."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        hidden, embedding = sizes.hidden, sizes.embedding
        self.source = nn.Embedding(sizes.source, embedding)
        self.target = nn.Embedding(sizes.target, embedding)
        self.encoder = nn.LSTM(embedding, hidden, bidirectional=True)
        self.decoder = nn.LSTM(embedding, hidden)
        self.bridges = nn.ModuleList(nn.Linear(2 * hidden, hidden) for _ in range(2))
        self.keys = nn.Linear(2 * hidden, hidden, bias=False)
        self.features = nn.Linear(3 * hidden, hidden, bias=False)
        self.output = nn.Linear(hidden, sizes.target)
        self.dropout = nn.Dropout(sizes.dropout)
        if sizes.tie:
            self.output.weight = self.target.weight

    def forward(self, source: Tensor, lengths: Tensor, fed: Tensor) -> Tensor:
        vectors = self.dropout(self.source(source))
        packed = pack_padded_sequence(vectors, lengths, enforce_sorted=False)
        outputs, final = self.encoder(packed)
        memory = self.dropout(pad_packed_sequence(outputs)[0])
        state = tuple(
            bridge(torch.cat([part[0], part[1]], dim=1)).tanh().unsqueeze(0)
            for bridge, part in zip(self.bridges, final, strict=True)
        )
        keys = self.keys(memory)
        beyond = torch.arange(len(source)).unsqueeze(1) >= lengths
        logits = []
        for token in fed:
            output, state = self.decoder(self.dropout(self.target(token)).unsqueeze(0), state)
            query = self.dropout(output)
            scores = (keys * query).sum(dim=-1).masked_fill(beyond, -1e9)
            context = (scores.softmax(dim=0).unsqueeze(-1) * memory).sum(dim=0)
            seen = self.features(torch.cat([context, query[0]], dim=1)).tanh()
            logits.append(self.output(self.dropout(seen)))
        return torch.stack(logits)


def draw(sizes: Sizes) -> TranslationBatch:
    generator = np.random.default_rng(1)
    low, high = sizes.lengths
    pairs = [
        EncodedPair(
            generator.integers(1, sizes.source, generator.integers(low, high + 1)),
            generator.integers(1, sizes.target, generator.integers(low, high + 1)),
        )
        for _ in range(sizes.batch)
    ]
    return join_pairs(pairs, 0)


def run(name: str, sizes: Sizes) -> None:
    torch.manual_seed(1)
    batch = draw(sizes)
    config = TranslationConfig(
        embedding_size=sizes.embedding,
        hidden_size=sizes.hidden,
        dropout=sizes.dropout,
        tie=sizes.tie,
        label_smoothing=SMOOTHING,
    )
    network = TranslationNetwork(config, sizes.source, sizes.target).train()
    learner = BPTT(torch.optim.Adam(network.parameters()), clip=CLIP)
    tutorial = Tutorial(sizes)
    optimizer = torch.optim.Adam(tutorial.parameters())
    beyond = torch.arange(len(batch.targets)).unsqueeze(1) >= batch.lengths
    targets = batch.targets.masked_fill(beyond, -100).flatten()

    def plain() -> None:
        optimizer.zero_grad()
        logits = tutorial(batch.inputs.source, batch.inputs.source_lengths, batch.inputs.fed)
        F.cross_entropy(logits.flatten(0, 1), targets, label_smoothing=SMOOTHING).backward()
        nn.utils.clip_grad_norm_(tutorial.parameters(), CLIP)
        optimizer.step()

    def elman() -> None:
        learner.update(network, batch, ())

    title = f"{name}, {torch.get_num_threads()} threads"
    compare(title, {"tutorial loop": plain, "elman": elman}, batch.target_count, ROUNDS)


if __name__ == "__main__":
    for name, sizes in SETTINGS.items():
        run(name, sizes)
