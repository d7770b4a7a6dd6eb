import numpy as np
import pytest
import torch

from elman.nn import AdditiveAttention, MultiplicativeAttention

SOURCE, BATCH, TIME, QUERY, MEMORY, HIDDEN = 5, 3, 4, 6, 7, 8


def make(kind):
    torch.manual_seed(3)
    if kind == "additive":
        attention = AdditiveAttention(QUERY, MEMORY, HIDDEN)
    else:
        attention = MultiplicativeAttention(QUERY, MEMORY)
    return attention.double()


def draw(seed=0):
    generator = torch.Generator().manual_seed(seed)
    memory = torch.randn(SOURCE, BATCH, MEMORY, generator=generator, dtype=torch.float64)
    query = torch.randn(TIME, BATCH, QUERY, generator=generator, dtype=torch.float64)
    return query, memory, torch.tensor([5, 2, 1])


def energy(attention, query, memory):
    """The papers' scores, in NumPy."""
    weights = {name: p.detach().numpy() for name, p in attention.named_parameters()}
    if "energy.weight" not in weights:
        return query @ (weights["memory_map.weight"] @ memory)
    hidden = weights["query_map.weight"] @ query
    hidden = hidden + weights["memory_map.weight"] @ memory + weights["memory_map.bias"]
    return weights["energy.weight"][0] @ np.tanh(hidden)


def expected(attention, query, memory, lengths):
    contexts, weights = np.zeros((TIME, BATCH, MEMORY)), np.zeros((TIME, BATCH, SOURCE))
    for t in range(TIME):
        for row, length in enumerate(lengths.tolist()):
            scores = [
                energy(attention, query[t, row].numpy(), memory[i, row].numpy())
                for i in range(length)
            ]
            shares = np.exp(scores) / np.sum(np.exp(scores))
            weights[t, row, :length] = shares
            contexts[t, row] = shares @ memory[:length, row].numpy()
    return contexts, weights


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_equals_the_equations(kind):
    attention, (query, memory, lengths) = make(kind), draw()
    context, weights = attention(query, attention.prepare(memory), memory, lengths)
    contexts, shares = expected(attention, query, memory, lengths)
    np.testing.assert_allclose(context.detach(), contexts, atol=1e-12)
    np.testing.assert_allclose(weights.detach(), shares, atol=1e-12)


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_queries_at_once_are_queries_one_by_one(kind):
    attention, (query, memory, lengths) = make(kind), draw(1)
    keys = attention.prepare(memory)
    together = attention(query, keys, memory, lengths)
    for t in range(TIME):
        alone = attention(query[t], keys, memory, lengths)
        torch.testing.assert_close(alone.context, together.context[t])
        torch.testing.assert_close(alone.weights, together.weights[t])


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_padding_is_not_seen(kind):
    attention, (query, memory, lengths) = make(kind), draw(2)
    changed = memory.clone()
    changed[2:, 1] = 1e3
    context, _ = attention(query, attention.prepare(memory), memory, lengths)
    other, _ = attention(query, attention.prepare(changed), changed, lengths)
    torch.testing.assert_close(context, other, rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_a_row_without_positions_sees_nothing(kind):
    attention, (query, memory, _) = make(kind), draw(3)
    lengths = torch.tensor([5, 0, 1])
    context, weights = attention(query, attention.prepare(memory), memory, lengths)
    assert context[:, 1].abs().max() == 0
    assert weights[:, 1].abs().max() == 0


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_gradients(kind):
    attention, (query, memory, lengths) = make(kind), draw(4)

    def run(query, memory):
        return attention(query, attention.prepare(memory), memory, lengths)

    query.requires_grad_()
    memory.requires_grad_()
    assert torch.autograd.gradcheck(run, (query, memory))
