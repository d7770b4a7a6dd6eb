import pytest
import torch
import torch.nn.functional as F
from torch import nn

from elman.nn import RNN, SingleRowLinear, for_single_rows
from elman.nn import single_row as module


@pytest.fixture(params=[1, 2, 3])
def threads(request, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: request.param)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 5), (4, 5), (2, 1, 5), (5,)])
def test_it_is_the_linear_map(bias, shape):
    linear = nn.Linear(5, 12, bias=bias, dtype=torch.float64)
    inputs = torch.randn(shape, dtype=torch.float64)
    expected = F.linear(inputs, linear.weight, linear.bias)
    single = SingleRowLinear(linear)
    assert single(inputs).requires_grad
    with torch.no_grad():
        torch.testing.assert_close(single(inputs), expected, rtol=1e-13, atol=1e-13)


def test_output_features_that_do_not_divide_stay_whole(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert SingleRowLinear(nn.Linear(4, 7)).parts == 1
    assert SingleRowLinear(nn.Linear(4, 8)).parts == 2


def test_the_copy_shares_weights_and_leaves_the_module_alone(monkeypatch):
    monkeypatch.setattr(module, "SMALLEST_WEIGHT", 100)
    rnn = RNN("lstm", 3, 8, num_layers=2)
    copied = for_single_rows(rnn)
    # Only maps of at least 100 numbers: the recurrent ones of both layers and the upper input map.
    changed = [name for name, m in copied.named_modules() if isinstance(m, SingleRowLinear)]
    assert changed == [
        "layers.0.0.recurrent_map",
        "layers.1.0.input_map",
        "layers.1.0.recurrent_map",
    ]
    assert not any(isinstance(m, SingleRowLinear) for m in rnn.modules())
    for parameter, shared in zip(rnn.parameters(), copied.parameters(), strict=True):
        assert parameter is shared
    inputs, state = torch.randn(1, 3), rnn.initial_state(1)
    with torch.no_grad():
        output, after = rnn.step(inputs, state)
        copied_output, copied_after = copied.step(inputs, state)
    torch.testing.assert_close(output, copied_output)
    torch.testing.assert_close(after, copied_after)
