"""Small reservoirs with a readout, series for them, and their least squares by NumPy."""

from itertools import pairwise

import numpy as np
import torch
from hypothesis import strategies as st

from elman.cells import EchoStateCell
from elman.data import Batch
from elman.nn import RNN, SequenceRegressor

UNITS = 6


def reservoir(outputs=1, *, biased=True, sees_input=False, feedback=0, seed=0):
    torch.manual_seed(seed)
    cell = EchoStateCell(2 + feedback, UNITS, feedback_size=feedback, density=0.5)
    model = SequenceRegressor(RNN(cell), outputs, sees_input=sees_input)
    if not biased:
        model.readout = torch.nn.Linear(model.readout.in_features, outputs, bias=False)
    return model.double()


def series(steps, rows, outputs=1, *, inputs=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (steps, rows)
    given = torch.randn(*shape, inputs, dtype=torch.float64, generator=generator)
    wanted = torch.randn(*shape, outputs, dtype=torch.float64, generator=generator)
    return Batch(given, wanted, None)


@st.composite
def tasks(draw):
    """A model, a batch with gaps in its targets, and a washout."""
    outputs = draw(st.integers(1, 3))
    steps, rows = draw(st.integers(1, 30)), draw(st.integers(1, 3))
    batch = series(steps, rows, outputs, seed=draw(st.integers(0, 99)))
    model = reservoir(outputs, biased=draw(st.booleans()), sees_input=draw(st.booleans()))
    gaps = torch.tensor(draw(st.lists(st.booleans(), min_size=steps * rows, max_size=steps * rows)))
    batch.targets[gaps.view(steps, rows)] = torch.nan
    return model, batch, draw(st.integers(0, steps))


def what_is_read(model, batch):
    """What the readout's weights multiply, `[time, batch, weights]`, row by row from a start."""
    rows = []
    for row in range(batch.inputs.shape[1]):
        outputs, _ = model.rnn(batch.inputs[:, row : row + 1])
        rows.append(torch.cat([outputs, batch.inputs[:, row : row + 1]], -1)[:, 0])
    read = torch.stack(rows, 1)[..., : model.readout.in_features].numpy()
    if model.readout.bias is None:
        return read
    return np.concatenate([read, np.ones((*read.shape[:2], 1))], -1)


def samples(model, batch, washout=0):
    """Inputs, targets and step numbers of all that counts, by time and then by row."""
    read, wanted = what_is_read(model, batch), batch.targets.numpy()
    lengths = [len(read)] * read.shape[1] if batch.lengths is None else batch.lengths.tolist()
    places = [
        (step, row)
        for step in range(washout, len(read))
        for row, length in enumerate(lengths)
        if step < length and not np.isnan(wanted[step, row]).any()
    ]
    z = np.array([read[place] for place in places]).reshape(len(places), read.shape[2])
    y = np.array([wanted[place] for place in places]).reshape(len(places), wanted.shape[2])
    return z, y, [step for step, _ in places]


def least_squares(z, y, ridge, weights=None):
    """The least weighted squared error with a penalty, as one augmented system."""
    root = np.ones(len(z)) if weights is None else np.sqrt(weights)
    width = z.shape[1]
    left = np.concatenate([root[:, None] * z, np.sqrt(ridge) * np.eye(width)])
    right = np.concatenate([root[:, None] * y, np.zeros((width, y.shape[1]))])
    return np.linalg.lstsq(left, right, rcond=None)[0]


def learnt(model):
    """The readout as `[weights, output]`, its bias last."""
    parts = [model.readout.weight.detach()]
    if model.readout.bias is not None:
        parts.append(model.readout.bias.detach().unsqueeze(1))
    return torch.cat(parts, 1).T.numpy()


def learn(rule, model, batches, rows):
    """Run a rule over batches; return the last state."""
    state = rule.initial_state(model, rows)
    for batch in batches:
        state = rule.update(model, batch, state).state
    return state


def cut(batch, *places):
    """A batch in chunks, each of which continues the one before."""
    bounds = [0, *places, len(batch.inputs)]
    return [
        Batch(batch.inputs[first:last], batch.targets[first:last], None)
        for first, last in pairwise(bounds)
        if first < last
    ]
