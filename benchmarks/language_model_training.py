"""Training speed of the language model beside a plain PyTorch loop, and where the time goes.

Both train the same network on the same batches (Penn Treebank sizes: 2 x 200 units, 10,000
words, 20 rows, 35 steps; random words), interleaved step by step in one process. Run with:

    python benchmarks/language_model_training.py
"""

import time
from collections.abc import Callable, Iterator

import torch
from interleave import compare
from torch import nn

from elman.data import Batch
from elman.learning import TruncatedBPTT, build_optimizer
from elman.tasks.language_model import LanguageModelConfig
from elman.tasks.language_model.build import build_model

WORDS, UNITS, ROWS, STEPS, CLIP = 10_000, 200, 20, 35, 0.25


def batches() -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(1)
    while True:
        # Frequencies of words fall about as 1 / rank.
        ranks = WORDS ** torch.rand(STEPS + 1, ROWS, generator=generator)
        ids = (ranks.long() - 1).clamp(0, WORDS - 1)
        yield Batch(ids[:-1], ids[1:], None)


class PlainModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, UNITS)
        self.lstm = nn.LSTM(UNITS, UNITS, 2)
        self.linear = nn.Linear(UNITS, WORDS)

    def forward(self, inputs, state):
        outputs, state = self.lstm(self.embedding(inputs), state)
        return self.linear(outputs), state


def plain_step() -> Callable[[], None]:
    model, source = PlainModel(), batches()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    state = None

    def step() -> None:
        nonlocal state
        batch = next(source)
        optimizer.zero_grad()
        logits, new_state = model(batch.inputs, state)
        loss = nn.functional.cross_entropy(logits.view(-1, WORDS), batch.targets.view(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        state = tuple(part.detach() for part in new_state)
        loss.item()

    return step


def elman_step() -> Callable[[], None]:
    config = LanguageModelConfig(unit="word", embedding_size=UNITS, hidden_size=UNITS, num_layers=2)
    model, source = build_model(config, WORDS, 0), batches()
    optimizer = build_optimizer("sgd", model.parameters(), learning_rate=1.0)
    learner = TruncatedBPTT(optimizer, horizon=STEPS, clip=CLIP)
    state = learner.initial_state(model, ROWS)

    def step() -> None:
        nonlocal state
        loss, state, _ = learner.update(model, next(source), state)
        float(loss)

    return step


def profile(step: Callable[[], None], name: str, steps: int = 20) -> None:
    step()
    with torch.profiler.profile() as record:
        for _ in range(steps):
            step()
    print(f"\n{name}: milliseconds a step by operation")
    events = sorted(record.key_averages(), key=lambda event: -event.self_cpu_time_total)
    for event in events[:12]:
        print(f"  {event.self_cpu_time_total / steps / 1e3:7.2f}  {event.key}")


if __name__ == "__main__":
    torch.manual_seed(1)
    plain, ours = plain_step(), elman_step()
    started = time.perf_counter()
    compare("PTB 2x200, 20 rows, 35 steps", {"plain loop": plain, "elman": ours}, ROWS * STEPS)
    profile(plain, "plain loop")
    profile(ours, "elman")
    print(f"\n{time.perf_counter() - started:.0f} s in all")
