"""The stack against torch's own, and against itself one step at a time."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman.cells import CELLS, ElmanCell, GRUCell, LSTMCell
from elman.nn import RNN, HiddenDropout, Zoneout
from elman.state import tensors


def load(rnn, module):
    """Copy the weights of a torch LSTM or GRU into a stack of the same shape."""
    with torch.no_grad():
        for layer, cells in enumerate(rnn.layers):
            for cell, direction in zip(cells, ("", "_reverse"), strict=False):
                suffix = f"l{layer}{direction}"
                cell.input_map.weight.copy_(getattr(module, f"weight_ih_{suffix}"))
                cell.recurrent_map.weight.copy_(getattr(module, f"weight_hh_{suffix}"))
                cell.input_map.bias.copy_(getattr(module, f"bias_ih_{suffix}"))
                second = getattr(module, f"bias_hh_{suffix}")
                if cell.recurrent_map.bias is None:
                    cell.input_map.bias.add_(second)
                else:
                    cell.recurrent_map.bias.copy_(second)
    return rnn


def pair(cell, module):
    torch.manual_seed(0)
    module = module(3, 4, num_layers=2, bidirectional=True).double()
    return load(RNN(cell(3, 4), num_layers=2, bidirectional=True).double(), module), module


def as_torch(state):
    """Stack the parts as torch does: [layer * direction, batch, hidden] for each part."""
    cells = [list(tensors(cell)) for layer in state for cell in layer]
    return [torch.stack(parts) for parts in zip(*cells, strict=True)]


def assert_close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-13)


PAIRS = [(LSTMCell, nn.LSTM), (GRUCell, nn.GRU)]


@pytest.mark.parametrize(("cell", "module"), PAIRS)
def test_deep_bidirectional_equals_torch(cell, module):
    rnn, module = pair(cell, module)
    inputs = torch.randn(6, 3, 3, dtype=torch.float64)
    outputs, state = rnn(inputs)
    expected, final = module(inputs)
    assert_close(outputs, expected)
    assert_close(as_torch(state), list(final) if isinstance(final, tuple) else [final])
    again, _ = rnn(inputs, state)
    assert_close(again, module(inputs, final)[0])


@pytest.mark.parametrize(("cell", "module"), PAIRS)
@pytest.mark.parametrize("lengths", [[6, 1, 4], [2, 2, 5]])
def test_lengths_equal_packed_sequences(cell, module, lengths):
    rnn, module = pair(cell, module)
    inputs = torch.randn(6, 3, 3, dtype=torch.float64)
    outputs, state = rnn(inputs, lengths=torch.tensor(lengths))
    packed, final = module(pack_padded_sequence(inputs, lengths, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, total_length=6)
    assert_close(outputs, expected)
    assert_close(as_torch(state), list(final) if isinstance(final, tuple) else [final])


@pytest.mark.parametrize("name", CELLS)
def test_stepping_equals_the_whole_sequence(name):
    rnn = RNN(name, 3, 4, num_layers=3, dropout=0.5).double().eval()
    inputs = torch.randn(5, 2, 3, dtype=torch.float64)
    outputs, final = rnn(inputs)
    state = rnn.initial_state(2)
    for t in range(5):
        output, state = rnn.step(inputs[t], state)
        assert_close(output, outputs[t])
    assert_close(list(tensors(state)), list(tensors(final)))


def test_a_step_may_be_projected_beforehand():
    rnn = RNN("gru", 3, 4, num_layers=2)
    inputs, state = torch.randn(2, 3), rnn.initial_state(2)
    projected = rnn.layers[0][0].project(inputs)
    output, after = rnn.advance(projected, state)
    expected, expected_after = rnn.step(inputs, state)
    assert torch.equal(output, expected)
    assert all(map(torch.equal, tensors(after), tensors(expected_after)))


@pytest.mark.parametrize("name", CELLS)
def test_resets_reach_every_layer(name):
    rnn = RNN(name, 3, 4, num_layers=2).double()
    inputs = torch.randn(6, 2, 3, dtype=torch.float64)
    resets = torch.zeros(6, 2, dtype=torch.bool)
    resets[4] = True
    outputs, final = rnn(inputs, resets=resets)
    expected, expected_final = rnn(inputs[4:])
    assert_close(outputs[4:], expected)
    assert_close(list(tensors(final)), list(tensors(expected_final)))


def test_dropout_acts_between_layers_alone():
    inputs = torch.randn(50, 8, 3)
    single = RNN("elman", 3, 64, dropout=0.5)
    assert torch.equal(single(inputs)[0], single.eval()(inputs)[0])
    seen = []
    rnn = RNN("elman", 3, 64, num_layers=2, dropout=0.5)
    rnn.dropout.register_forward_hook(lambda _, given, made: seen.append((*given, made)))
    outputs, _ = rnn(inputs)
    ((before, after),) = seen  # once, between the two layers
    assert (outputs != 0).all()
    assert (before != 0).all()
    kept = after != 0
    assert kept.float().mean() == pytest.approx(0.5, abs=0.02)
    torch.testing.assert_close(after[kept], 2 * before[kept])
    assert torch.equal(rnn.eval()(inputs)[0], rnn(inputs)[0])


def test_layers_and_directions_have_their_own_weights():
    rnn = RNN(LSTMCell(3, 4), num_layers=3, bidirectional=True)
    weights = list(rnn.parameters())
    assert len(weights) == len({weight.data_ptr() for weight in weights}) == 3 * 2 * 3
    sizes = [cell.input_size for layer in rnn.layers for cell in layer]
    assert sizes == [3, 3, 8, 8, 8, 8]
    assert (rnn.input_size, rnn.output_size) == (3, 8)


def test_the_first_cell_is_the_one_given_and_settings_are_repeated():
    cell = ElmanCell(3, 4, nonlinearity="relu")
    rnn = RNN(cell, num_layers=2)
    assert rnn.layers[0][0] is cell
    assert rnn.layers[1][0].nonlinearity == "relu"
    assert RNN(LSTMCell(3, 4).double(), num_layers=2)(torch.zeros(2, 1, 3).double())


def test_wrapped_cells_stack():
    rnn = RNN(Zoneout(HiddenDropout(LSTMCell(4, 8), 0.2), 0.1), num_layers=2, bidirectional=True)
    assert rnn.layers[1][1].rate == 0.1
    assert rnn.layers[1][1].cell.rate == 0.2
    outputs, _ = rnn(torch.zeros(5, 2, 4))
    assert outputs.shape == (5, 2, 16)


def test_a_bidirectional_stack_cannot_step():
    rnn = RNN("gru", 3, 4, bidirectional=True)
    with pytest.raises(ValueError, match="needs the whole sequence"):
        rnn.step(torch.zeros(2, 3), rnn.initial_state(2))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("lstn", 3, 4), {}, "unknown cell 'lstn'"),
        (("lstm", 3), {}, "'lstm' needs input_size and hidden_size"),
        ((LSTMCell(3, 4), 3), {}, "brings its own sizes"),
        (("lstm", 3, 4), {"num_layers": 0}, "num_layers must be at least 1, got 0"),
        (("lstm", 3, 4), {"dropout": 1.0}, r"dropout must lie in \[0, 1\), got 1.0"),
    ],
)
def test_wrong_arguments_are_named(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        RNN(*arguments, **options)
