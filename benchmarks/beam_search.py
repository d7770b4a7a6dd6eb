"""Beam search over many sentences at once beside one sentence at a time, in turns.

A run translates the first lines of a file as `elman predict` does. Run with:

    python benchmarks/beam_search.py RUN SOURCES.txt
"""

import sys
from itertools import islice

import torch
from interleave import compare

from elman.data.text import read_lines
from elman.tasks.translation import TranslationTask
from elman.training import load

LINES, BEAM, ROUNDS = 1000, 5, 3


def run(task: TranslationTask, lines: list[str]) -> None:
    search = task.search(BEAM, wanted=1)

    def together() -> list[str]:
        return [answer.translations[0].text for answer in task.translate(lines, search)]

    def alone() -> list[str]:
        return [next(task.translate([line], search)).translations[0].text for line in lines]

    same = sum(a == b for a, b in zip(together(), alone(), strict=True))
    print(f"{same} of {len(lines)} lines translated alike, {torch.get_num_threads()} threads")
    contenders = {
        "one at a time": lambda: alone() and None,
        "together": lambda: together() and None,
    }
    compare(f"beam {BEAM}", contenders, len(lines), ROUNDS)


if __name__ == "__main__":
    sources = (line.partition("\t")[0] for line in read_lines(sys.argv[2]))
    run(load(sys.argv[1]), list(islice(filter(str.strip, sources), LINES)))
