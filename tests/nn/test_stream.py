"""Streams against the whole sequence in float64, and all that a stream keeps to itself."""

import copy
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from elman import Stream
from elman.cells import CELLS, Cell, LSTMCell
from elman.nn import RNN, Dropout, HiddenDropout, LayerNorm, Residual, Zoneout
from elman.state import select, tensors


def run(stream, inputs):
    return torch.stack([stream(row) for row in inputs])


def reference(rnn, inputs, head=None, state=None):
    """The outputs of the whole sequence, in float64."""
    with torch.no_grad():
        outputs, _ = copy.deepcopy(rnn).double().eval()(inputs.double(), state)
        return outputs if head is None else copy.deepcopy(head).double()(outputs)


def assert_close(actual, expected, tolerance=1e-6):
    torch.testing.assert_close(actual.double(), expected, rtol=0, atol=tolerance)


def seeded(*arguments, **options):
    torch.manual_seed(0)
    return RNN(*arguments, **options)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", CELLS)
def test_a_deep_stack_with_a_layer_on_top_equals_the_whole_sequence(name):
    rnn, head = seeded(name, 6, 8, num_layers=3, dropout=0.5), nn.Linear(8, 5)
    inputs = torch.randn(9, 4, 6)
    stream = Stream(rnn, 4, head)
    outputs = run(stream, inputs)
    assert stream.backend.startswith("compiled: ")
    assert_close(outputs, reference(rnn, inputs, head), 3e-6)  # three layers of rounding
    with torch.no_grad():
        whole, final = rnn.eval()(inputs)
    torch.testing.assert_close(outputs, head(whole).detach(), rtol=0, atol=1e-6)
    for part, expected in zip(tensors(stream.state), tensors(final), strict=True):
        torch.testing.assert_close(part, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda cell: Dropout(cell, 0.5),
        LayerNorm,
        Residual,
        lambda cell: Zoneout(cell, 0.3),
        lambda cell: Dropout(Residual(LayerNorm(Zoneout(HiddenDropout(cell, 0.2), 0.1))), 0.4),
    ],
    ids=["dropout", "layer norm", "residual", "zoneout", "all"],
)
def test_wrappers_act_as_in_evaluation(wrap):
    torch.manual_seed(0)
    rnn = RNN(wrap(LSTMCell(6, 6)), num_layers=2)
    inputs = torch.randn(5, 3, 6)
    stream = Stream(rnn, 3)
    assert_close(run(stream, inputs), reference(rnn, inputs), 3e-6)  # of layer norm's rounding
    assert stream.backend.startswith("compiled: ")
    assert rnn.training


@pytest.mark.parametrize("size", [1, 3, 63, 130])
@pytest.mark.parametrize("batch", [1, 5])
def test_any_sizes(size, batch):
    rnn = seeded("lstm", size, size)
    inputs = torch.randn(4, batch, size)
    assert_close(run(Stream(rnn, batch), inputs), reference(rnn, inputs))


def test_each_stream_is_the_one_it_would_be_alone():
    rnn, inputs = seeded("gru", 5, 7), torch.randn(6, 20, 5)
    together = run(Stream(rnn, 20), inputs)
    for row in (0, 7, 19):
        alone = run(Stream(rnn), inputs[:, row : row + 1])
        torch.testing.assert_close(together[:, row : row + 1], alone, rtol=0, atol=1e-6)


class HiddenState(NamedTuple):
    hidden: Tensor


class Branching(Cell[HiddenState]):
    """A cell that looks at the values of its state, which no program can repeat."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.map = nn.Linear(input_size, hidden_size)

    def initial_state(self, batch_size):
        return HiddenState(self.map.bias.new_zeros(batch_size, self.output_size))

    def project(self, inputs):
        return self.map(inputs)

    def step(self, projected, state):
        hidden = (projected - state.hidden if state.hidden.sum() > 0 else projected).tanh()
        return hidden, HiddenState(hidden)


class Deaf(Branching):
    """A cell that goes on by itself, and whose output has one feature."""

    def initial_state(self, batch_size):
        return HiddenState(torch.linspace(-1, 1, self.map.out_features).expand(batch_size, -1))

    def step(self, projected, state):
        hidden = (state.hidden + self.map.bias).cos()
        return hidden.mean(-1, keepdim=True), HiddenState(hidden)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: RNN(Branching(3, 4), num_layers=2), "branches on the values"),
        (lambda: RNN("lstm", 3, 4).double(), "handles torch.float32, not torch.float64"),
    ],
    ids=["branches", "float64"],
)
def test_what_cannot_be_compiled_runs_all_the_same(make, reason):
    torch.manual_seed(0)
    rnn = make()
    inputs = torch.randn(6, 2, 3, dtype=next(rnn.parameters()).dtype)
    stream = Stream(rnn, 2)
    assert stream.backend.startswith("eager: the steps of the cells, because ")
    assert reason in stream.backend
    with torch.no_grad():
        expected, _ = rnn(inputs)
        torch.testing.assert_close(run(stream, inputs), expected)
        stream.reset(torch.tensor([True, False]))
        torch.testing.assert_close(stream(inputs[0])[0], expected[0, 0])
        saved = stream.state
        first = stream(inputs[1])
        first_copy = first.clone()
        first.zero_()
        stream.state = saved
        assert torch.equal(stream(inputs[1]), first_copy)


def test_a_cell_that_reads_no_inputs():
    torch.manual_seed(0)
    rnn, inputs = RNN(Deaf(3, 4)), torch.randn(5, 2, 3)
    stream = Stream(rnn, 2)
    assert stream.backend.startswith("compiled: ")
    assert_close(run(stream, inputs), reference(rnn, inputs))


def test_rows_start_afresh_and_others_go_on():
    rnn, inputs = seeded("lstm", 3, 4, num_layers=2), torch.randn(8, 3, 3)
    resets = torch.zeros(8, 3, dtype=torch.bool)
    resets[2, 0] = resets[5, 2] = resets[6] = True
    stream, found = Stream(rnn, 3), []
    for row, rows in zip(inputs, resets, strict=True):
        if rows.all():
            stream.reset()
        elif rows.any():
            stream.reset(rows)
        found.append(stream(row))
    with torch.no_grad():
        expected, _ = copy.deepcopy(rnn).double()(inputs.double(), resets=resets)
    assert_close(torch.stack(found), expected)


def test_a_state_can_be_taken_out_and_gone_on_from():
    rnn, inputs = seeded("gru", 3, 4, num_layers=2), torch.randn(7, 2, 3)
    with torch.no_grad():
        expected, _ = rnn(inputs)
        _, state = rnn(inputs[:4])
    stream = Stream(rnn, 2)
    stream.state = state
    torch.testing.assert_close(run(stream, inputs[4:6]), expected[4:6], rtol=0, atol=1e-6)
    swapped = Stream(rnn, 2)
    swapped.state = select(stream.state, torch.tensor([1, 0]))
    torch.testing.assert_close(swapped(inputs[6].flip(0)).flip(0), expected[6], rtol=0, atol=1e-6)
    torch.testing.assert_close(stream(inputs[6]), expected[6], rtol=0, atol=1e-6)


@pytest.mark.parametrize("head", [None, nn.Linear(4, 2)], ids=["no head", "head"])
def test_outputs_and_states_are_the_callers(head):
    rnn, inputs = seeded("lstm", 3, 4), torch.randn(5, 1, 3)
    expected = run(Stream(rnn, 1, head), inputs)
    stream, found = Stream(rnn, 1, head), []
    for row in inputs:
        output = stream(row)
        found.append(output.clone())
        output.fill_(9.0)
        for part in tensors(stream.state):
            part.fill_(9.0)
    assert torch.equal(torch.stack(found), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_weights_are_those_of_the_moment_it_is_made(dtype):
    rnn, head = seeded("lstm", 3, 4).to(dtype), nn.Linear(4, 2, dtype=dtype)
    inputs = torch.randn(3, 1, 3, dtype=dtype)
    expected = run(Stream(rnn, 1, head), inputs)
    stream = Stream(rnn, 1, head)
    with torch.no_grad():
        for parameter in (*rnn.parameters(), *head.parameters()):
            parameter.fill_(0.5)
    assert torch.equal(run(stream, inputs), expected)
    assert not torch.allclose(run(Stream(rnn, 1, head), inputs), expected)


def test_inputs_of_any_strides_and_no_gradients():
    rnn, inputs = seeded("lstm", 3, 4), torch.randn(3, 5, requires_grad=True)
    output = Stream(rnn, 5)(inputs.t())
    assert not output.requires_grad
    assert torch.equal(output, Stream(rnn, 5)(inputs.t().contiguous()))


def test_streams_do_not_mind_the_modes_they_are_made_and_used_in():
    rnn, inputs = seeded("lstm", 3, 4), torch.randn(4, 2, 3)
    expected = run(Stream(rnn, 2), inputs)
    with torch.inference_mode():
        stream = Stream(rnn, 2)
        first = stream(inputs[0])
    stream.reset(torch.tensor([False, False]))
    assert torch.equal(torch.stack([first, *run(stream, inputs[1:])]), expected)
    with torch.inference_mode():
        stream.reset()
        assert torch.equal(run(stream, inputs), expected)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(run(Stream(rnn, 2), inputs), expected)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_the_number_of_threads_changes_no_number(batch):
    rnn, head = seeded("lstm", 100, 200, num_layers=2), nn.Linear(200, 70)
    inputs = torch.randn(6, batch, 100)
    stream = Stream(rnn, batch, head)
    both = run(stream, inputs)
    torch.set_num_threads(1)
    alone = Stream(rnn, batch, head)
    one = run(alone, inputs)
    assert torch.equal(both, one)
    torch.set_num_threads(2)
    assert torch.equal(run(stream, inputs), run(alone, inputs))
    assert_close(both, reference(rnn, inputs, head))


@pytest.mark.usefixtures("two_threads")
def test_threads_that_use_one_stream_take_turns():
    rnn, inputs = seeded("lstm", 100, 200), torch.randn(1, 100)
    expected = run(Stream(rnn), inputs.expand(40, 1, 100))
    stream = Stream(rnn)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: stream(inputs), range(40)))
    assert {tuple(row[0].tolist()) for row in found} == {tuple(r[0].tolist()) for r in expected}


@pytest.mark.usefixtures("two_threads")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_stream_goes_on_in_a_forked_process():
    rnn, inputs = seeded("lstm", 100, 200), torch.randn(2, 1, 100)
    expected = run(Stream(rnn), inputs)
    stream = Stream(rnn)
    stream(inputs[0])
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends a child that hangs
        os._exit(0 if torch.equal(stream(inputs[1]), expected[1]) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_mistakes_are_named():
    rnn = seeded("lstm", 3, 4)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        Stream(rnn, 0)
    with pytest.raises(ValueError, match="needs the whole sequence"):
        Stream(RNN("lstm", 3, 4, bidirectional=True))
    stream = Stream(rnn, 2)
    for wrong in (
        torch.zeros(3),
        torch.zeros(1, 3),
        torch.zeros(2, 4),
        torch.zeros(2, 3, dtype=torch.float64),
        torch.zeros(2, 3, device="meta"),
    ):
        with pytest.raises(ValueError, match=r"expects inputs of torch.float32 \[2, 3\] on cpu"):
            stream(wrong)
    for rows in (torch.tensor([True]), torch.tensor([1, 0])):
        with pytest.raises(ValueError, match="one entry for each of the 2 streams"):
            stream.reset(rows)
    for state in (rnn.initial_state(1), RNN("gru", 3, 4).initial_state(2)):
        with pytest.raises(ValueError, match="state consists of"):
            stream.state = state
