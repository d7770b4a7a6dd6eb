"""A few stories, and what is made of them."""

import pytest
import torch

from elman.data.babi import parse_stories
from elman.tasks.answering import AnsweringConfig, AnsweringTask, Vocabulary

LINES = """1 Mary went to the kitchen.
2 John went to the garden.
3 Where is Mary?\tkitchen\t1
4 Mary took the apple and the milk.
5 What does Mary carry?\tapple,milk\t4
1 John went to the kitchen.
2 Is John in the garden?\tno\t1
1 Mary travelled back to the garden.
2 John took the milk.
3 Mary went to the kitchen.
4 Where is Mary?\tkitchen\t3
""".splitlines()


@pytest.fixture
def lines():
    """Three stories with four questions."""
    return list(LINES)


@pytest.fixture
def stories():
    """The same, read."""
    return list(parse_stories(LINES, "stories"))


@pytest.fixture
def vocabulary(stories):
    """Their words and answers."""
    return Vocabulary.gather(stories)


@pytest.fixture
def make_task(vocabulary):
    """Makes a task with fresh weights; settings by name."""

    def make(**settings):
        torch.manual_seed(1)
        sizes = {"hidden_size": 5, "embedding_size": 6, "hops": 2}
        task = AnsweringTask(AnsweringConfig(**(sizes | settings)), vocabulary)
        # All weights count from the start, those too that begin at zero.
        for weight in task.model.parameters():
            torch.nn.init.normal_(weight, std=0.5)
        return task.to(torch.device("cpu"))

    return make
