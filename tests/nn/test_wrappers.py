"""Laws that all wrappers share, around every cell of the table."""

import pytest
import torch

from elman.cells import CELLS, Cell, ElmanState, LSTMCell
from elman.engine import unroll
from elman.nn import (
    RNN,
    Dropout,
    HiddenDropout,
    LayerNorm,
    Residual,
    VariationalDropout,
    Zoneout,
)
from elman.state import tensors
from elman.testing import CELL_CHECKS, parametrize_cells

WRAPPERS = {
    "dropout": lambda cell: Dropout(cell, 0.4),
    "variational": lambda cell: VariationalDropout(cell, 0.4),
    "hidden": lambda cell: HiddenDropout(cell, 0.4),
    "zoneout": lambda cell: Zoneout(cell, 0.4),
    "layer-norm": LayerNorm,
    "residual": Residual,
}
RANDOM = ("dropout", "variational", "hidden", "zoneout")
WITH_HIDDEN_READ_ONLY = [
    *("elman", "irnn", "higher-order", "lstm", "peephole-lstm"),
    *("coupled-lstm", "layer-norm-lstm", "slstm"),
]


def fits(wrapper, cell):
    return wrapper != "hidden" or cell in WITH_HIDDEN_READ_ONLY


def maker(wrapper, cell):
    return lambda: WRAPPERS[wrapper](CELLS[cell](4, 4))


PAIRS = [(wrapper, cell) for wrapper in WRAPPERS for cell in CELLS if fits(wrapper, cell)]
QUICK = ("shapes", "nothing_changed", "nan", "steps", "resets", "lengths", "reverse", "seed")
QUICK_CHECKS = [check for check in CELL_CHECKS if check.__name__.removeprefix("check_") in QUICK]


@parametrize_cells({wrapper: maker(wrapper, "lstm") for wrapper in WRAPPERS})
def test_wrapped_lstm_obeys_every_law(make, check):
    check(make)


@pytest.mark.parametrize(("wrapper", "cell"), PAIRS)
def test_every_wrapped_cell_obeys_the_laws_of_sequences(wrapper, cell):
    for check in QUICK_CHECKS:
        check(maker(wrapper, cell))


class UsersCell(Cell[ElmanState]):
    """A cell whose state is not its output and whose sizes are all one number."""

    def __init__(self, size):
        super().__init__(size, size)
        self.weight = torch.nn.Parameter(torch.eye(size))

    def initial_state(self, batch_size):
        return ElmanState(self.weight.new_zeros(batch_size, self.output_size))

    def project(self, inputs):
        return inputs

    def step(self, projected, state):
        hidden = (projected + state.hidden @ self.weight).tanh()
        return 2 * hidden, ElmanState(hidden)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_users_cell_can_be_wrapped(wrapper):
    for check in QUICK_CHECKS:
        check(lambda: WRAPPERS[wrapper](UsersCell(4)))


@pytest.mark.parametrize("wrapper", RANDOM)
def test_training_is_random_by_the_seed(wrapper):
    cell, inputs = maker(wrapper, "lstm")(), torch.randn(6, 3, 4)
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        runs.append(unroll(cell, inputs)[0])
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize("wrapper", ["dropout", "variational", "hidden"])
def test_in_evaluation_nothing_is_dropped(wrapper):
    cell, inputs = maker(wrapper, "lstm")().eval(), torch.randn(6, 3, 4)
    generator = torch.get_rng_state()
    outputs, _ = unroll(cell, inputs)
    torch.testing.assert_close(outputs, unroll(cell.cell, inputs)[0])
    assert torch.equal(torch.get_rng_state(), generator)


@pytest.mark.parametrize("wrapper", ["dropout", "variational", "hidden", "zoneout"])
@pytest.mark.parametrize("training", [True, False])
def test_a_rate_of_zero_changes_nothing(wrapper, training):
    inner, inputs = LSTMCell(4, 4), torch.randn(6, 3, 4)
    kinds = {
        "dropout": Dropout,
        "variational": VariationalDropout,
        "hidden": HiddenDropout,
        "zoneout": Zoneout,
    }
    outputs, final = unroll(kinds[wrapper](inner, 0.0).train(training), inputs)
    expected, expected_final = unroll(inner, inputs)
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(list(tensors(final)), list(tensors(expected_final)))


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5])
@pytest.mark.parametrize("kind", [Dropout, VariationalDropout, HiddenDropout, Zoneout])
def test_rates_out_of_range_are_refused(kind, rate):
    message = rf"{kind.__name__}: rate must lie in \[0, 1\), got {rate}"
    with pytest.raises(ValueError, match=message):
        kind(LSTMCell(4, 4), rate)


@pytest.mark.parametrize(("wrapper", "cell"), PAIRS)
def test_wrapped_cells_stack(wrapper, cell):
    rnn = RNN(maker(wrapper, cell)(), num_layers=2)
    outputs, state = rnn(torch.randn(3, 2, 4, requires_grad=True))
    assert outputs.shape == (3, 2, 4)
    sum(part.sum() for part in tensors((outputs, state))).backward()
    assert all((weight.grad is not None) == weight.requires_grad for weight in rnn.parameters())
