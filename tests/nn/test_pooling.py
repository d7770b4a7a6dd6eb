"""Pooling against loops over single sequences, and against the states of recurrent layers."""

import numpy as np
import pytest
import torch
from torch import nn

from elman.nn import RNN, AttentionPooling, LastPooling, MaxPooling, MeanPooling, last_outputs

LENGTHS = torch.tensor([5, 1, 0, 3])


@pytest.fixture
def features():
    """Features whose steps beyond the end would spoil everything."""
    torch.manual_seed(1)
    values = torch.randn(5, 4, 6, dtype=torch.float64)
    steps = torch.arange(5).unsqueeze(1)
    return values.masked_fill((steps >= LENGTHS).unsqueeze(-1), 1e6)


def rows(features):
    return [features[:length, row].numpy() for row, length in enumerate(LENGTHS.tolist())]


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        (MeanPooling(), lambda row: row.mean(axis=0)),
        (MaxPooling(), lambda row: row.max(axis=0)),
        (LastPooling(), lambda row: row[-1]),
        (LastPooling(bidirectional=True), lambda row: np.concatenate([row[-1, :3], row[0, 3:]])),
    ],
)
def test_pooling_equals_that_of_single_rows(features, pooling, expected):
    vectors, weights = pooling(features, LENGTHS)
    assert weights is None
    wanted = [expected(row) if len(row) else np.zeros(6) for row in rows(features)]
    np.testing.assert_allclose(vectors.numpy(), np.stack(wanted), rtol=1e-12)


def test_attention_follows_its_equations(features):
    pooling = AttentionPooling(6).double()
    vectors, weights = pooling(features, LENGTHS)
    hidden = pooling.hidden_map.weight.detach().numpy(), pooling.hidden_map.bias.detach().numpy()
    context = pooling.context.weight.detach().numpy()[0]
    for place, row in enumerate(rows(features)):
        if not len(row):
            continue
        scores = np.exp(np.tanh(row @ hidden[0].T + hidden[1]) @ context)
        shares = scores / scores.sum()
        found = weights[:, place].detach().numpy()
        np.testing.assert_allclose(found[: len(row)], shares, rtol=1e-9)
        assert (found[len(row) :] == 0).all()
        np.testing.assert_allclose(vectors[place].detach().numpy(), shares @ row, rtol=1e-9)


@pytest.mark.parametrize("pooling", [AttentionPooling(6), MeanPooling(), MaxPooling()])
def test_a_row_without_steps_is_zero_and_has_finite_gradients(pooling):
    features = torch.randn(3, 2, 6, requires_grad=True)
    vectors, _ = pooling(features, torch.tensor([0, 2]))
    assert (vectors[0] == 0).all()
    vectors.square().sum().backward()
    assert features.grad.isfinite().all()
    assert (features.grad[:, 0] == 0).all()
    assert features.grad[:2, 1].any()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_last_outputs_are_the_final_states(bidirectional):
    torch.manual_seed(2)
    rnn = RNN("gru", 3, 4, bidirectional=bidirectional)
    lengths = torch.tensor([4, 2, 1])
    outputs, state = rnn(torch.randn(4, 3, 3), lengths=lengths)
    wanted = torch.cat([direction.hidden for direction in state[-1]], dim=-1)
    torch.testing.assert_close(last_outputs(outputs, lengths, bidirectional=bidirectional), wanted)


def test_attention_learns_which_step_counts():
    """The class is written in the one step whose first feature is 1."""
    torch.manual_seed(3)
    pooling, output_map = AttentionPooling(4), nn.Linear(4, 1)
    weights = [*pooling.parameters(), *output_map.parameters()]
    optimizer = torch.optim.Adam(weights, lr=0.05)
    lengths = torch.full((64,), 6)
    for _ in range(150):
        features = torch.randn(6, 64, 4)
        features[..., 0] = 0
        places = torch.randint(6, (64,))
        features[places, range(64), 0] = 1
        wanted = features[places, range(64), 1]
        vectors, shares = pooling(features, lengths)
        loss = (output_map(vectors)[:, 0] - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert shares[places, range(64)].mean() > 0.8
