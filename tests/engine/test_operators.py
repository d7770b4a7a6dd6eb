"""`torch.compile` sees the compiled back end as one operator, and the numbers stay the same."""

import pytest
import torch

from elman.cells import Cell, ClockworkCell, GRUCell, LayerNormLSTMCell, LSTMCell
from elman.engine import operators, unroll, unroll_eager
from elman.engine.definition import gathered
from elman.nn import RNN, Dropout, Zoneout
from elman.state import tensors


class Mixing(Cell[tuple[torch.Tensor]]):
    """A user's cell: a projection that is not linear and two products a step."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.first = torch.nn.Linear(input_size + hidden_size, hidden_size)
        self.second = torch.nn.Linear(hidden_size, hidden_size, bias=False)
        self.squash = "tanh"

    def initial_state(self, batch_size):
        return (self.second.weight.new_zeros(batch_size, self.output_size),)

    def project(self, inputs):
        return inputs.sin()

    def step(self, projected, state):
        low = self.first(torch.cat([projected, state[0]], dim=-1)).relu()
        hidden = self.second(low) + state[0]
        hidden = hidden.tanh() if self.squash == "tanh" else hidden.sigmoid()
        return 2 * hidden, (hidden,)


CELLS = {
    "lstm": LSTMCell,
    "gru": GRUCell,
    "layer-norm": LayerNormLSTMCell,
    "clockwork": lambda *sizes: ClockworkCell(*sizes, periods=(1, 2)),
    "own": Mixing,
}
LENGTHS = torch.tensor([3, 0, 5])
RESETS = torch.tensor([[False, True, False]] * 5)
BOTH = {"lengths": LENGTHS, "resets": RESETS}


@pytest.fixture(autouse=True)
def _nothing_compiled_before():
    torch._dynamo.reset()
    torch.manual_seed(0)


def graph(function):
    return torch.compile(function, backend="aot_eager", fullgraph=True)


def results(run, parameters, inputs, **options):
    """Outputs, final state and all gradients."""
    leaf = inputs.clone().requires_grad_()
    outputs, state = run(leaf, **options)
    loss = outputs.sin().sum()
    for number, part in enumerate(tensors(state)):
        loss = loss + (part * (number + 0.5)).sigmoid().sum()
    found = torch.autograd.grad(loss, [leaf, *parameters])
    return [outputs.detach(), *(part.detach() for part in tensors(state)), *found]


def assert_same(actual, expected):
    for one, two in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options"),
    [("lstm", {}), ("gru", {"lengths": LENGTHS}), *((name, BOTH) for name in CELLS)],
)
def test_training_is_one_graph_with_the_numbers_of_eager(name, options):
    cell, inputs = CELLS[name](3, 4), torch.randn(5, 3, 3)
    run = graph(lambda leaf: unroll(cell, leaf, **options))

    def plain(leaf):
        start = cell.initial_state(3)
        return unroll_eager(cell, leaf, start, options.get("lengths"), options.get("resets"))

    actual = results(run, cell.parameters(), inputs)
    assert_same(actual, results(plain, cell.parameters(), inputs))


def test_without_gradients_and_for_other_batches():
    cell = GRUCell(3, 4)
    run = torch.compile(lambda inputs: unroll(cell, inputs), fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        for time, batch in ((5, 3), (4, 2), (7, 6)):
            inputs = torch.randn(time, batch, 3)
            outputs, state = run(inputs)
            expected, end = unroll_eager(cell, inputs, cell.initial_state(batch))
            assert_same([outputs, *tensors(state)], [expected, *tensors(end)])


def test_the_graph_holds_one_call_in_place_of_the_loop():
    cell, called = LSTMCell(3, 4), []

    def backend(module, _):
        called.extend(node.target for node in module.graph.nodes)
        return module

    torch.compile(lambda inputs: unroll(cell, inputs), backend=backend, fullgraph=True)(
        torch.randn(50, 2, 3)
    )
    assert called.count(torch.ops.elman.unroll) == 1
    assert len(called) < 60


def test_stacks_have_no_graph_break():
    inputs, lengths = torch.randn(5, 3, 3), torch.tensor([5, 2, 4])
    for rnn in (RNN(GRUCell(3, 4), bidirectional=True), RNN(Mixing(3, 4), num_layers=2)):
        said = torch._dynamo.explain(rnn)(inputs, lengths=lengths)
        assert (said.graph_count, said.graph_break_count) == (1, 0)
    actual = results(graph(rnn), rnn.parameters(), inputs, lengths=lengths)
    assert_same(actual, results(rnn, rnn.parameters(), inputs, lengths=lengths))


def test_a_changed_cell_is_compiled_again():
    inputs = torch.randn(5, 3, 3)
    cell = Mixing(3, 4)
    run = graph(lambda inputs: unroll(cell, inputs)[0])
    assert_same([run(inputs)], [unroll(cell, inputs)[0]])
    cell.squash = "sigmoid"
    assert_same([run(inputs)], [unroll(cell, inputs)[0]])
    with torch.no_grad():
        cell.second.weight.mul_(2)
    assert_same([run(inputs)], [unroll(cell, inputs)[0]])


def test_masks_are_drawn_in_the_graph():
    cell, inputs = Dropout(Zoneout(LSTMCell(3, 4), 0.5), 0.5), torch.randn(5, 3, 3)
    run = graph(lambda inputs: unroll(cell, inputs)[0])
    found = []
    for function in (run, lambda inputs: unroll(cell, inputs)[0]):
        torch.manual_seed(3)
        found.append(function(inputs))
    assert_same(*([one] for one in found))
    assert not torch.allclose(run(inputs), run(inputs))
    cell.eval()
    assert_same([run(inputs)], [unroll(cell, inputs)[0]])


def test_what_native_code_cannot_do_is_the_plain_loop_in_the_graph():
    cell, inputs = GRUCell(3, 4).double(), torch.randn(3, 2, 3, dtype=torch.float64)
    actual = results(graph(lambda leaf: unroll(cell, leaf)), cell.parameters(), inputs)
    assert_same(actual, results(lambda leaf: unroll(cell, leaf), cell.parameters(), inputs))
    cell = cell.float()
    per_row = graph(torch.vmap(lambda row: unroll(cell, row.unsqueeze(1))[0], in_dims=1))
    rows = per_row(inputs.float())
    assert_same([rows.squeeze(2).transpose(0, 1)], [unroll(cell, inputs.float())[0]])


def test_second_derivatives_where_the_compiler_allows_them():
    cell, inputs = LSTMCell(3, 4), torch.randn(4, 2, 3, requires_grad=True)
    found = []
    run = torch.compile(lambda leaf: unroll(cell, leaf)[0], backend="eager", fullgraph=True)
    for function in (run, lambda leaf: unroll(cell, leaf)[0]):
        first = torch.autograd.grad(function(inputs).sin().sum(), inputs, create_graph=True)[0]
        found.append(torch.autograd.grad(first.square().sum(), [inputs, *cell.parameters()]))
    assert_same(*found)


def test_wrong_lengths_are_said_by_the_operator():
    cell, inputs = LSTMCell(3, 4), torch.randn(5, 2, 3)
    run = graph(lambda inputs, lengths: unroll(cell, inputs, lengths=lengths))
    run(inputs, torch.tensor([5, 0]))
    with pytest.raises(ValueError, match="between 0 and the 5 time steps, got 0 to 6"):
        run(inputs, torch.tensor([6, 0]))


def test_an_export_holds_the_plain_loop():
    rnn = RNN(LSTMCell(3, 4)).eval()
    inputs = torch.randn(3, 2, 3)
    program = torch.export.export(rnn, (inputs,), strict=False)
    assert "elman" not in str(program.graph)
    assert_same([program.module()(inputs)[0]], [rnn(inputs)[0]])


@pytest.mark.parametrize("options", [{}, BOTH], ids=["all", "ragged"])
def test_operators_keep_the_rules_of_operators(options):
    cell, inputs = GRUCell(3, 4), torch.randn(5, 3, 3)
    state, (lengths, resets) = cell.initial_state(3), map(options.get, ("lengths", "resets"))
    number, found = getattr(operators._plans, operators._planned(cell, inputs.dtype, "cpu"))
    arguments = gathered(cell, found.traced.constants(cell), [inputs], state, resets)
    counts = [len(group) for group in arguments]
    flat = [tensor.detach().requires_grad_() for group in arguments for tensor in group]
    call = (number, "float32", flat, counts, lengths, resets, True)
    torch.library.opcheck(torch.ops.elman.unroll.default, call)
