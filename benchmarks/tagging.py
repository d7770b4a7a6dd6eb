"""Tagging of running text beside a loop over batches of plain torch, one process, in turns.

The tagger answers lines of text as `elman predict` does, cutting into words and writing included.
The loops in plain torch have the same weights in `nn.LSTM` on packed sequences and search for the
best tags one time step after the other; one reads sentences in the order of the text, the other
sorts them by length first. All three must choose the same tags. The run is of any text and tags:

    elman train tag eng.train --hidden-size 200 --num-layers 2 --epochs 1 --out RUN
    python benchmarks/tagging.py RUN TEXT.txt
"""

import sys
from itertools import islice

import numpy as np
import torch
from interleave import compare
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from elman.data.running_text import split_words
from elman.data.text import read_lines
from elman.nn import RNN
from elman.tasks.tagging import TaggingNetwork, TaggingTask, Vocabulary
from elman.training import load

LINES, ROUNDS, BATCH = 2000, 5, 64


def as_torch(stack: RNN) -> nn.LSTM:
    """The same layers as torch has them."""
    layers = [list(layer) for layer in stack.layers]
    first = layers[0][0]
    lstm = nn.LSTM(first.input_size, first.output_size, len(layers), bidirectional=True)
    for number, layer in enumerate(layers):
        for cell, end in zip(layer, ("", "_reverse"), strict=True):
            own = (cell.input_map.weight, cell.recurrent_map.weight, cell.input_map.bias)
            for name, value in zip(("weight_ih", "weight_hh", "bias_ih"), own, strict=True):
                getattr(lstm, f"{name}_l{number}{end}").data.copy_(value)
            getattr(lstm, f"bias_hh_l{number}{end}").data.zero_()
    return lstm


class PlainTagger:
    """What one writes in torch first: pad, pack, two LSTMs, Viterbi."""

    def __init__(self, network: TaggingNetwork, vocabulary: Vocabulary) -> None:
        self.network, self.vocabulary = network, vocabulary
        self.speller = as_torch(network.speller.rnn)
        self.context = as_torch(network.context.rnn)
        crf = network.crf
        self.between = crf.forward_cell.transitions + crf.forward_cell.barrier
        self.start, self.end = crf.start + crf.start_barrier, crf.end + crf.end_barrier

    def spell(self, words: list[Tensor]) -> Tensor:
        lengths = torch.tensor([len(word) for word in words])
        vectors = self.network.speller.embedding(pad_sequence(words))
        packed = pack_padded_sequence(vectors, lengths, enforce_sorted=False)
        _, (hidden, _) = self.speller(packed)
        return torch.cat([hidden[0], hidden[1]], dim=-1)

    def viterbi(self, scores: Tensor, lengths: Tensor) -> list[list[int]]:
        best, came_from = self.start + scores[0], []
        here = torch.arange(scores.shape[2]).expand_as(best)
        for t in range(1, len(scores)):
            longer, places = (best.unsqueeze(2) + self.between).max(dim=1)
            going_on = (t < lengths).unsqueeze(1)
            best = torch.where(going_on, longer + scores[t], best)
            came_from.append(torch.where(going_on, places, here))
        tags = [(best + self.end).argmax(dim=1, keepdim=True)]
        for places in reversed(came_from):
            tags.append(places.gather(1, tags[-1]))
        found = torch.cat(tags[::-1], dim=1).tolist()
        return [row[:length] for row, length in zip(found, lengths.tolist(), strict=True)]

    @torch.inference_mode()
    def tag_batch(self, sentences: list[list[str]]) -> list[list[int]]:
        encoded = [self.vocabulary.encode_words(words, spelling=True) for words in sentences]
        lengths = torch.tensor([len(words) for words in encoded])
        spelt = self.spell([word[word > 0] for words in encoded for word in words[:, 1:]])
        known = self.network.embedding(torch.cat([words[:, 0] for words in encoded]))
        vectors = torch.cat([known, spelt], dim=-1).split(lengths.tolist())
        packed = pack_padded_sequence(pad_sequence(vectors), lengths, enforce_sorted=False)
        features, _ = pad_packed_sequence(self.context(packed)[0])
        return self.viterbi(self.network.output_map(features), lengths)

    def tag(self, lines: list[str], order: list[int]) -> list[list[int]]:
        sentences = [split_words(line) for line in lines]
        found: dict[int, list[int]] = {}
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            found.update(zip(rows, self.tag_batch([sentences[row] for row in rows]), strict=True))
        return [found[row] for row in range(len(lines))]


def run(task: TaggingTask, lines: list[str]) -> None:
    plain = PlainTagger(task.model, task.vocabulary)
    lengths = [len(split_words(line)) for line in lines]
    as_they_come = list(range(len(lines)))
    ranked = np.argsort(lengths, kind="stable").tolist()
    answers = [answer["output"] for answer in task.predict(lines, "line")]
    expected = [task.vocabulary.decode_tags(tags) for tags in plain.tag(lines, ranked)]
    same = sum(a == b for a, b in zip(answers, expected, strict=True))
    print(f"{same} of {len(lines)} sentences tagged alike, {torch.get_num_threads()} threads")
    contenders = {
        "elman": lambda: [task.show(answer) for answer in task.predict(lines, "line")] and None,
        "torch, by length": lambda: plain.tag(lines, ranked) and None,
        "torch, as they come": lambda: plain.tag(lines, as_they_come) and None,
    }
    compare("words", contenders, sum(lengths), ROUNDS)


if __name__ == "__main__":
    run(load(sys.argv[1]), [line for line in islice(read_lines(sys.argv[2]), LINES) if line])
