"""Backpropagation through the whole of every sequence."""

from typing import Any

from torch import Tensor

from elman.data import Batch
from elman.learning.learner import GradientLearner, SequenceModel


class BPTT(GradientLearner):
    r"""Full backpropagation through time: each batch holds whole sequences.

    $$ \frac{\partial L}{\partial W} = \sum_t \sum_{k \le t}
       \frac{\partial L_t}{\partial h_t} \frac{\partial h_t}{\partial h_k}
       \frac{\partial^+ h_k}{\partial W} $$

    Every sequence starts from the initial state, and nothing is carried between batches. Over a
    tree, where children stand in the place of the step before, the same is back-propagation
    through structure.

    Reference:
        Werbos 1990, "Backpropagation through time: what it does and how to do it";
        Pascanu, Mikolov & Bengio 2013, equations 3 to 5; over trees Goller & Küchler 1996,
        "Learning task-dependent distributed representations by backpropagation through
        structure".
    """

    def initial_state(self, model: SequenceModel, batch_size: int) -> Any:
        """Return nothing, for nothing is carried; see `Learner.initial_state`."""
        return ()

    def accumulate(self, model: SequenceModel, batch: Batch, state: Any) -> tuple[Tensor, Any]:
        """Fill `.grad` with the exact gradient; see `GradientLearner.accumulate`."""
        start = model.initial_state(batch.rows)
        features, _ = model(batch.inputs, start)
        loss = model.criterion(features, batch.targets, batch.lengths)
        self.backward(loss)
        return loss, state
