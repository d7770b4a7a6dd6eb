import torch

from elman.data import Batch
from elman.learning import Cosine, Learner, Update
from elman.reproduce.training import train


class Notes(Learner):
    """Learns nothing, and notes what it is given."""

    def __init__(self):
        self.rates, self.batches = [], []

    def initial_state(self, model, batch_size):
        return batch_size

    def update(self, model, batch, state):
        self.batches.append(int(batch.inputs[0, 0]))
        return Update(torch.zeros(()), state + 1, {})

    def set_rate(self, factor):
        self.rates.append(factor)

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


class Carried(Notes):
    def update(self, model, batch, state):
        assert state == 3 + len(self.batches)  # three rows, and one for each update before
        return super().update(model, batch, state)


def batches():
    count = iter(range(100))
    return lambda: Batch(torch.full((2, 3), next(count)), torch.zeros(2, 3), None)


def test_every_update_has_a_batch_of_its_own_and_the_state_of_the_one_before():
    learner = Carried()
    assert train(None, learner, batches(), 5) == 5
    assert learner.batches == [0, 1, 2, 3, 4]
    assert learner.rates == [1.0] * 5


def test_the_rate_follows_the_schedule():
    learner = Notes()
    train(None, learner, batches(), 5, schedule=Cosine(5))
    assert learner.rates == [Cosine(5).factor(step, 0) for step in range(5)]


def test_a_solved_task_ends_the_training():
    learner = Notes()
    answers = iter([False, True])
    assert train(None, learner, batches(), 50, solved=lambda: next(answers), every=3) == 6
    assert len(learner.batches) == 6
