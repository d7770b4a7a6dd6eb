"""A traced step computes what the step computes; what cannot be traced says why."""

import threading
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from elman.cells import CELLS, LSTMCell
from elman.engine.compiler.program import Source
from elman.engine.trace import trace
from elman.nn import HiddenDropout, LayerNorm, Residual, VariationalDropout, Zoneout
from elman.state import map_state, tensors
from reference.agreement import assert_agrees, leaves_of
from reference.interpreter import interpret
from reference.weights import Weights, rows

HIDDEN = 8


def step(module, inputs, state):
    return module.step(inputs, state)


def whole_step(module, inputs, state):
    return module.step(module.project(inputs), state)


def sample(cell, batch=3):
    torch.manual_seed(0)
    cell.double()
    with torch.no_grad():
        for parameter in cell.parameters():  # weights that start at 0 or 1 would hide mistakes
            parameter.add_(torch.rand_like(parameter) * 0.1)
    inputs = torch.randn(batch, cell.input_size, dtype=torch.float64)
    state = map_state(torch.randn_like, cell.initial_state(batch))
    if hasattr(state, "clock"):
        state = state._replace(clock=torch.arange(batch, dtype=torch.float64)[:, None])
    return cell, inputs, state


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_of_the_package(name):
    cell, inputs, state = sample(CELLS[name](5, HIDDEN))
    assert_agrees(step, cell, cell.project(inputs), state)
    assert_agrees(whole_step, cell, inputs, state)


WRAPPERS = {
    "layer norm": LayerNorm,
    "residual": Residual,
    "hidden dropout": lambda cell: HiddenDropout(cell, 0.4),
    "variational dropout": lambda cell: VariationalDropout(cell, 0.4),
    "zoneout": lambda cell: Zoneout(cell, 0.4),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_every_wrapper(name):
    cell, inputs, state = sample(WRAPPERS[name](LSTMCell(HIDDEN, HIDDEN)))
    assert_agrees(step, cell, cell.project(inputs), state)
    assert_agrees(whole_step, cell.eval(), inputs, state)


def test_the_program_of_an_lstm():
    cell, inputs, state = sample(LSTMCell(5, HIDDEN))
    program = trace(step, cell, cell.project(inputs), state).program
    ops = [node.op for node in program.nodes()]
    assert ops.count("product") == 1
    assert len(next(n for n in program.nodes() if n.op == "product").operands) == 2
    assert {op: ops.count(op) for op in ("sigmoid", "tanh", "mul", "add", "slice")} == {
        "sigmoid": 3,
        "tanh": 2,
        "mul": 3,
        "add": 1,
        "slice": 4,
    }


def assert_step_agrees(function, state=None):
    """Check a step of which `function` gives the new state."""

    def step(module, inputs, state):
        new = function(module, inputs, state)
        return new.flatten(1) * 2, new

    return assert_agrees(step, Weights(), rows(4), rows(seed=1) if state is None else state)


PRODUCTS = {
    "F.linear": lambda m, x, h: F.linear(h, m.square),
    "a module": lambda m, x, h: m.linear(h),
    "h @ W": lambda m, x, h: h @ m.square,
    "h @ W.t()": lambda m, x, h: h @ m.square.t(),
    "W @ h.t()": lambda m, x, h: (m.square @ h.t()).t(),
    "addmm": lambda m, x, h: torch.addmm(x @ m.inputs.t(), h, m.square, beta=0.5, alpha=2),
    "bias": lambda m, x, h: torch.addmm(m.row, h, m.square.t()),
    "einsum": lambda m, x, h: torch.einsum("bi,oi->bo", h, m.square),
    "einsum transposed": lambda m, x, h: torch.einsum("bi,io->bo", h, m.square),
    "groups": lambda m, x, h: torch.einsum("bgi,gio->bgo", h.view(-1, 2, 3), m.groups).flatten(1),
    "baddbmm": lambda m, x, h: (
        torch.baddbmm(m.groups[:, :1], h.view(-1, 2, 3).transpose(0, 1), m.groups)
        .transpose(0, 1)
        .flatten(1)
    ),
    "row and vector": lambda m, x, h: (h @ m.row)[:, None] * h,
    "addmv": lambda m, x, h: torch.addmv(h[:, 0], h, m.row).unsqueeze(1) + h,
    "slices of a weight": lambda m, x, h: (
        h @ m.wide[6:12].t() + F.linear(h[:, :3], m.square[:, :3])
    ),
    "two products": lambda m, x, h: (h @ m.square.t()).tanh() @ m.other.t(),
    "one weight twice": lambda m, x, h: h @ m.square + h.sin() @ m.square.t(),
    "masked weight": lambda m, x, h: h @ (m.square * m.mask),
    "chunks of a weight": lambda m, x, h: sum(h @ part.T for part in m.wide.chunk(4)),
    "stacked weights": lambda m, x, h: (h @ torch.cat([m.square, m.other], 1))[:, 3:9],
    "product of weights": lambda m, x, h: h @ (m.square @ m.other),
    "bilinear sum": lambda m, x, h: ((h @ m.square) * h).sum(-1, keepdim=True) + h,
    "of zeros": lambda m, x, h: torch.zeros_like(h) @ m.square + h,
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name):
    assert_step_agrees(PRODUCTS[name])


def test_raw_weights_need_no_computation():
    for name in (
        "F.linear",
        "h @ W",
        "h @ W.t()",
        "W @ h.t()",
        "einsum",
        "bias",
        "one weight twice",
    ):
        traced = assert_step_agrees(PRODUCTS[name])
        assert len(traced.weights.entries) == traced.vectors + traced.matrices, name
        module = Weights()
        vectors, matrices = traced.constants(module)
        assert all(part is module.row for part in vectors)
        assert [id(part) for part in matrices] == [id(module.square)]


FOLDED = {
    "decay": lambda m, x, h: h * torch.exp(-torch.exp(m.row)),
    "scalar": lambda m, x, h: h * m.scalar + m.one,
    "a slice": lambda m, x, h: h * m.wide[3] + m.wide[:6, 2],
    "a chunk": lambda m, x, h: h * m.row.chunk(2)[0].repeat(2),
    "expanded": lambda m, x, h: h + m.row.expand(h.shape[0], -1) + m.row.repeat(len(h), 1),
    "rows of blocks": lambda m, x, h: (h.view(-1, 2, 3) * m.column + m.block).flatten(1),
    "a mask": lambda m, x, h: torch.where(m.kept, h, m.row) * m.kept,
    "a count": lambda m, x, h: h / m.count,
    "no gradient": lambda m, x, h: h * m.row.detach() + m.one.data.sin(),
    "no gradient block": lambda m, x, h: h * _ungraded(m),
    "a literal": lambda m, x, h: h * torch.tensor(2.0) + torch.tensor([1.0, 2, 3, 4, 5, 6]),
    "a range": lambda m, x, h: h * torch.arange(6) + torch.ones(6) + torch.full((1,), 3),
    "a literal's item": lambda m, x, h: h * torch.tensor(2.0).item() if torch.tensor(1.0) else h,
    "masked literal": lambda m, x, h: h @ torch.tril(torch.ones(6, 6, dtype=h.dtype)),
    "normalised": lambda m, x, h: h @ F.softmax(m.square, -1),
    "layer norm": lambda m, x, h: F.layer_norm(h, (6,), m.row, m.wide[0]),
    "group norm": lambda m, x, h: F.layer_norm(h.view(-1, 2, 3), (3,), m.wide[0, :3]).flatten(1),
    "outer captured": lambda m, x, h: h * CAPTURED,
}
CAPTURED = torch.linspace(-1, 1, 6, dtype=torch.float64)


def _ungraded(module):
    with torch.no_grad():
        return module.row * 2


@pytest.mark.parametrize("name", FOLDED)
def test_what_depends_on_weights_alone(name):
    assert_step_agrees(FOLDED[name])


MOVES = {
    "chunk": lambda h: torch.cat(h.chunk(3, -1)[::-1], -1),
    "split": lambda h: torch.cat([h.split([1, 2, 3], 1)[k] for k in (2, 0, 1)], 1),
    "unbind": lambda h: torch.stack(h.unbind(1)[::-1], 1),
    "select": lambda h: h[:, 2:3] * h + h[:, -1].unsqueeze(1),
    "negative slices": lambda h: torch.cat([h[:, -2:], h[..., :-2]], -1),
    "strides": lambda h: torch.cat([h[:, ::2], h[:, 1::2]], 1),
    "flip": lambda h: h.flip(1),
    "roll": lambda h: h.roll(2, -1),
    "index": lambda h: h[:, [3, 3, 0, 1, 5, 2]],
    "index_select": lambda h: h.index_select(1, torch.tensor([1, 0, 3, 2, 5, 4])),
    "transpose": lambda h: h.view(-1, 2, 3).transpose(1, 2).reshape(-1, 6),
    "permute": lambda h: h.view(-1, 1, 3, 2).permute(0, 3, 1, 2).flatten(1),
    "heads": lambda h: (h.view(-1, 2, 3).softmax(-1) * h.view(-1, 2, 3).amax(1, True)).flatten(1),
    "head sums": lambda h: (h.view(-1, 3, 2) - h.view(-1, 3, 2).mean(-1, True)).flatten(1),
    "first axes": lambda h: h.view(-1, 3, 2).softmax(1).flatten(1) + h.t().sum(0)[:, None],
    "outer product": lambda h: (h[:, :2, None] * h[:, None, 3:]).flatten(1),
    "batch in the middle": lambda h: h.view(-1, 2, 3).transpose(0, 1).sin().sum(0).repeat(1, 2),
    "diagonal": lambda h: h.view(-1, 2, 3).diagonal(dim1=1, dim2=2).repeat(1, 3),
    "squeeze": lambda h: h[:, :1].squeeze(1).unsqueeze(-1) + h,
    "to and fro": lambda h: (h > 0).to(h.dtype) * h + h.bool().to(h) + h.to(h.dtype).contiguous(),
    "zeros": lambda h: torch.cat([h.new_zeros(len(h), 2), h[:, 2:]], 1) + torch.zeros_like(h),
    "ones": lambda h: torch.cat([torch.ones(h.shape[0], 3), h.new_full((len(h), 3), 2.0)], 1) * h,
    "nothing": lambda h: h,
}


@pytest.mark.parametrize("name", MOVES)
def test_moving_features(name):
    assert_step_agrees(lambda module, inputs, state: MOVES[name](state))


def _filled(h):
    new = torch.zeros_like(h)
    new[:, :2] = h[:, 2:4]
    new[:, 3] = h[:, 0]
    new[:, 4:] += 1
    return new + h


def _chained(h):
    new = h * 2
    left, right = new[:, :3], new[:, 3:]
    left.mul_(1.5)
    right.add_(left)
    new.view(-1, 2, 3)[:, 1].mul_(3.0)
    return new


def _masked(h):
    new = torch.empty_like(h).fill_(0.5)
    return new.masked_fill_(h > 0, 2.0).clamp_(min=0.6) * h


@pytest.mark.parametrize("function", [_filled, _chained, _masked, F.normalize])
def test_changing_own_tensors_in_place(function):
    assert_step_agrees(lambda module, inputs, state: function(state))


def test_torch_cells():
    assert_step_agrees(lambda module, inputs, state: module.gru(inputs, state))

    def lstm_step(module, inputs, state):
        hidden, cell = module.lstm(inputs, state)
        return hidden, (hidden, cell)

    assert_agrees(lstm_step, Weights(), rows(4), (rows(seed=1), rows(seed=2)))


def test_a_state_of_one_number_a_row():
    def step(module, inputs, state):
        units, level = state
        new = level + inputs.sum(1)
        return units * new[:, None], (units.sin(), new)

    state = (rows(seed=1), rows(seed=2)[:, 0].contiguous())
    assert_agrees(step, Weights(), rows(4), state)


def test_nan_passes_through():
    def step(module, inputs, state):
        return F.relu(state), F.hardtanh(state) + state.amax(-1, keepdim=True) * 0

    state = rows()
    state[1, 2] = torch.nan
    traced = trace(step, nn.Module(), rows(), state)
    result = interpret(traced.program, {Source("input", 0): rows(), Source("state", 0): state}, 5)
    assert result[Source("output", 0)].isnan().nonzero().tolist() == [[1, 2]]
    assert result[Source("state", 0)].isnan().all(1).tolist() == [False, True, False, False, False]


def test_tracing_leaves_random_numbers_and_gradients_alone():
    cell, inputs, state = sample(LSTMCell(5, HIDDEN))
    before = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace(whole_step, cell, inputs, state)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in cell.parameters())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_tracing_in_every_gradient_mode(mode):
    cell, inputs, state = sample(LSTMCell(5, HIDDEN))
    expected = trace(whole_step, cell, inputs, state).program.text()
    with mode():
        actual = trace(whole_step, cell, inputs, cell.initial_state(2)).program.text()
    assert actual == expected


@pytest.mark.parametrize("size", [13, 17, 19])
def test_sizes_equal_to_a_batch_of_the_tracer(size):
    cell, inputs, state = sample(LSTMCell(size, size), batch=size)
    assert_agrees(whole_step, cell, inputs, state)


def test_two_threads_trace_one_module():
    cell, inputs, state = sample(LSTMCell(5, HIDDEN))
    expected = trace(whole_step, cell, inputs, state).program.text()
    found, barrier = [], threading.Barrier(2)

    def work():
        barrier.wait()
        found.extend(trace(whole_step, cell, inputs, state).program.text() for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 10


def test_constants_are_those_of_the_module_given():
    def step(module, inputs, state):
        return state * module.row.exp(), state @ module.square

    traced = trace(step, Weights(), rows(), rows())
    module = Weights()
    with torch.no_grad():
        module.row.fill_(0.5)
    leaves = leaves_of(traced, module, rows(), rows())
    result = interpret(traced.program, leaves, 5)[Source("output", 0)]
    torch.testing.assert_close(result, rows() * module.row.exp())
    vectors, matrices = traced.constants(module)
    assert matrices[0] is module.square
    vectors[0].sum().backward()
    torch.testing.assert_close(module.row.grad, module.row.detach().exp())


def test_constants_under_functional_call():
    cell, inputs, state = sample(LSTMCell(5, HIDDEN))
    traced = trace(step, cell, cell.project(inputs), state)
    weight = torch.zeros_like(cell.recurrent_map.weight)

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell

        def forward(self):
            return traced.constants(self.cell)[1][0]

    given = {"cell.recurrent_map.weight": weight}
    assert torch.func.functional_call(Reader(), given, ()) is weight


def test_a_parametrised_weight():
    class Normed(nn.Module):
        def __init__(self):
            super().__init__()
            self.map = nn.utils.parametrizations.weight_norm(nn.Linear(6, 6, bias=False))

    def step(module, inputs, state):
        return state, module.map(state)

    torch.manual_seed(0)
    assert_agrees(step, Normed().double(), rows(), rows())


def test_unused_weights_are_left_out():
    def step(module, inputs, state):
        module.row.exp() * state
        return state * module.one, state

    traced = trace(step, Weights(), rows(), rows())
    assert (traced.vectors, traced.matrices) == (1, 0)
    assert len(traced.weights.entries) == 1


def test_number_of_results_follows_the_state():
    cell, inputs, state = sample(LSTMCell(5, HIDDEN))
    program = trace(step, cell, cell.project(inputs), state).program
    targets = [(result.target, result.width) for result in program.results]
    states = [(Source("state", k), HIDDEN) for k in range(len(list(tensors(state))))]
    assert targets == [(Source("output", 0), HIDDEN), *states]
