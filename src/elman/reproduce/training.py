"""Training on batches made as they are needed, until the task is solved."""

from collections.abc import Callable

from elman.data import Batch
from elman.learning import Constant, Learner, Schedule, SequenceModel


def train(
    model: SequenceModel,
    learner: Learner,
    next_batch: Callable[[], Batch],
    updates: int,
    *,
    schedule: Schedule | None = None,
    solved: Callable[[], bool] = lambda: False,
    every: int = 100,
) -> int:
    """Train a model on fresh batches.

    Args:
        model: the model, whose weights change.
        learner: the learning rule; what it carries goes from each batch to the next.
        next_batch: makes a batch; all have the same number of rows.
        updates: the most updates to make, at least 1.
        schedule: of the learning rate; constant if not given.
        solved: tells whether to stop.
        every: updates between two such questions.

    Returns:
        The updates made.
    """
    schedule = schedule or Constant()
    batch = next_batch()
    state = learner.initial_state(model, batch.inputs.shape[1])
    for done in range(updates):
        learner.set_rate(schedule.factor(done, epoch=0))
        state = learner.update(model, batch, state).state
        if (done + 1) % every == 0 and solved():
            return done + 1
        batch = next_batch()
    return updates
