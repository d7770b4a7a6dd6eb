"""Native reservoirs against the plain loop: each width, both ways to share out rows, all sizes.

The width is fixed when a process first asks for it, so each runs this file as a script.
"""

import re

import numpy as np
import pytest
import torch

from elman.cells import EchoStateCell, echo_state
from elman.cells.echo_state import EchoState
from elman.engine import choose, explain, reservoir, unroll, unroll_eager
from elman.engine.native import reservoir_loop
from elman.engine.native.reservoir_loop import plan
from elman.engine.native.target import host
from engine.narrower import numbers_printed

# Fewer than a vector, with a tail, all entries, their zeros left out, and stored without zeros.
SIZES = [(1, 1.0), (3, 1.0), (63, 0.9), (130, 0.1), (1000, 0.01)]
LANES = {"AVX-512": "16", "AVX2": "8", "SSE": "4"}
KINDS = {torch.float32: 3e-6, torch.float64: 1e-13}
TIME, INPUTS = 4, 3


def build(size, density, kind=torch.float64, **settings):
    torch.manual_seed(size)
    cell = EchoStateCell(INPUTS, size, density=density, leak=0.6, bias_scaling=0.2, **settings)
    return cell.to(kind)


def sample(cell, batch, time=TIME):
    kind = cell.input_map.weight.dtype
    generator = torch.Generator().manual_seed(batch)
    inputs = torch.randn(time, batch, INPUTS, generator=generator, dtype=kind)
    return inputs, EchoState(torch.randn(batch, cell.output_size, generator=generator, dtype=kind))


def compare(cell, inputs, state, **ragged):
    """Return the outputs after they and the final state were found to be the plain loop's."""
    tolerance = KINDS[inputs.dtype]
    outputs, final = unroll(cell, inputs, state, **ragged)
    expected, expected_final = unroll_eager(cell, inputs, state, **ragged)
    close = {"rtol": 0, "atol": tolerance}
    torch.testing.assert_close(outputs, expected, **close)
    torch.testing.assert_close(final.hidden, expected_final.hidden, **close)
    return outputs


def check_widths():
    """Run all sizes on one and on two threads; return how many ran on this back end."""
    reservoir_loop.EXCHANGE = reservoir_loop.MEETING = 0.0  # threads share the units of few rows
    echo_state.radius_of = lambda product, size: 2.0  # finding it would take most of the time
    native = 0
    for size, density in SIZES:
        for kind in KINDS:
            cell = build(size, density, kind)
            for batch in (1, 2, 5, 16):
                inputs, state = sample(cell, batch)
                # Inputs are multiplied by native code, or by torch.
                reservoir.MOST_FUSED = INPUTS if (size + batch) % 2 else 0
                results = []
                # Waiting for each other takes long where other programs run.
                for threads in (1, 2) if batch in (1, 5) else (1,):
                    torch.set_num_threads(threads)
                    native += choose(cell, inputs, state).backend == "reservoir"
                    results.append(compare(cell, inputs, state))
                assert (results[0] - results[-1]).abs().max() <= KINDS[kind]
    return native


@pytest.mark.parametrize("lanes", LANES.values(), ids=LANES)
def test_every_width_is_exact(lanes):
    used, native = numbers_printed(__file__, lanes)
    assert used <= int(lanes)
    # In float64 all sizes that fill a vector, in float32 those stored without zeros.
    filled = sum(size >= used // 2 for size, _ in SIZES)
    assert native == 6 * (filled + 1)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("most_fused", [0, INPUTS])
@pytest.mark.parametrize(("size", "density", "batch"), [(70, 0.5, 2), (90, 0.1, 7), (500, 0.02, 4)])
def test_lengths_and_resets_at_any_step(monkeypatch, size, density, batch, most_fused, reverse):
    monkeypatch.setattr(reservoir, "MOST_FUSED", most_fused)
    monkeypatch.setattr(reservoir, "AHEAD", 3 * size * batch)  # of 11 steps, 3 at a time
    cell = build(size, density)
    inputs, state = sample(cell, batch, time=11)
    generator = torch.Generator().manual_seed(1)
    resets = torch.rand(11, batch, generator=generator) < 0.15
    lengths = torch.tensor([0, 11, 5, 6, 1, 10, 11])[:batch]
    inputs[-1, 0] = torch.nan  # beyond the first row's end
    for ragged in (
        {"lengths": lengths},
        {"resets": resets},
        {"lengths": lengths, "resets": resets},
    ):
        given = inputs if "lengths" in ragged else inputs.nan_to_num()
        if not reverse:
            compare(cell, given, state, **ragged)
            continue
        found = unroll(cell, given, state, **ragged, reverse=True)
        with monkeypatch.context() as patch:
            patch.setattr(EchoStateCell, "leaky_units", lambda self: None)
            expected = unroll(cell, given, state, **ragged, reverse=True)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("size", "batch"), [(5000, 16), (66_000, 1)])
def test_places_of_more_than_16_bits(monkeypatch, size, batch):
    monkeypatch.setattr(echo_state, "radius_of", lambda product, size: 1.0)
    cell = build(size, 2 / size, torch.float32)
    compare(cell, *sample(cell, batch, time=3))


def test_a_linear_reservoir():
    cell = build(80, 0.1, nonlinearity="identity")
    compare(cell, *sample(cell, 3))


def test_a_nan_stays_in_its_row():
    cell = build(64, 0.1)
    inputs, state = sample(cell, 9)
    clean, _ = unroll(cell, inputs, state)
    inputs[1, 4] = torch.nan
    spoilt, _ = unroll(cell, inputs, state)
    others = torch.arange(9) != 4
    assert torch.equal(spoilt[:, others], clean[:, others])
    assert spoilt[1:, 4].isnan().all()


@pytest.mark.parametrize("batch", [1, 16])
def test_results_are_the_same_bit_for_bit_and_stay(batch):
    cell = build(500, 0.05)
    inputs, state = sample(cell, batch, time=20)
    first, _ = unroll(cell, inputs, state)
    kept = first.clone()
    second, _ = unroll(cell, inputs, state)
    assert torch.equal(first, second)
    unroll(cell, -inputs, state)
    assert torch.equal(first, kept)


def test_a_sequence_in_parts_is_the_same():
    cell = build(100, 0.1)
    inputs, state = sample(cell, 2, time=9)
    whole, final = unroll(cell, inputs, state)
    first, between = unroll(cell, inputs[:4], state)
    second, last = unroll(cell, inputs[4:], between)
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(last.hidden, final.hidden)
    chunked, _ = unroll(cell, inputs, state, checkpoint_every=2)
    torch.testing.assert_close(chunked, whole, rtol=0, atol=1e-13)


def test_gradients_and_transforms_go_through_the_definition():
    cell = build(40, 0.1)
    inputs, state = sample(cell, 2)

    def total(inputs):
        return unroll(cell, inputs, state)[0].square().sum()

    wanted = inputs.clone().requires_grad_()
    (found,) = torch.autograd.grad(total(wanted), wanted)
    step = 1e-6 * torch.randn_like(inputs)
    difference = (total(inputs + step) - total(inputs - step)) / 2
    assert difference.item() == pytest.approx((found * step).sum().item(), rel=1e-6)
    torch.testing.assert_close(torch.func.grad(total)(inputs), found)
    outputs = torch.vmap(lambda each: unroll(cell, each, state)[0])(torch.stack([inputs, -inputs]))
    torch.testing.assert_close(outputs[1], unroll(cell, -inputs, state)[0], rtol=0, atol=1e-13)


class Noisy(EchoStateCell):
    """A subclass whose step is no longer the one described."""

    def step(self, projected, state):
        return super().step(projected + 1, state)


def test_a_step_of_its_own_is_respected():
    torch.manual_seed(0)
    cell = Noisy(INPUTS, 20).double()
    inputs, state = sample(cell, 2)
    expected, _ = unroll_eager(cell, inputs, state)
    assert torch.equal(unroll(cell, inputs, state)[0], expected)
    assert "the step of Noisy is not known to be one of leaky units" in explain(cell, inputs)


class Shifted(EchoStateCell):
    """A subclass that makes something else of its inputs."""

    def project(self, inputs):
        return super().project(inputs + 1)


def test_a_projection_of_its_own_is_respected():
    torch.manual_seed(0)
    cell = Shifted(INPUTS, 20).double()
    compare(cell, *sample(cell, 2))
    assert explain(cell, sample(cell, 2)[0]).startswith("reservoir: ")


@pytest.mark.parametrize("most_fused", [0, INPUTS])
@pytest.mark.parametrize("batch", [3, 16])
def test_settings_of_each_row(monkeypatch, batch, most_fused):
    monkeypatch.setattr(reservoir, "MOST_FUSED", most_fused)
    settings = {
        "spectral_radius": torch.linspace(0.1, 1.2, batch),
        "input_scaling": torch.linspace(2.0, 0.5, batch),
        "bias_scaling": torch.linspace(-0.3, 0.3, batch).abs(),
    }
    torch.manual_seed(0)
    cell = EchoStateCell(INPUTS, 70, **settings, leak=torch.linspace(0.2, 1.0, batch)).double()
    compare(cell, *sample(cell, batch))


@pytest.mark.parametrize(
    ("size", "kind", "change", "sentence"),
    [
        (20, torch.float64, None, "reservoir: native code for reservoirs."),
        (20, torch.float32, None, "compiled: .*, because its recurrence is stored with its zeros"),
        (1, torch.float64, None, "eager: .* it has fewer units than a vector of the processor"),
        (1001, torch.float64, None, "eager: .* its zeros for more than 1000 units"),
        (20, torch.float64, "gradient", "eager: .* a reservoir's native code has no gradients"),
        (20, torch.float64, "map", "eager: .* its recurrence is of the type Sequential"),
        (20, torch.bfloat16, None, r"eager: .* computes in torch.float32 or torch.float64 alone"),
        (20, torch.float64, "empty", "eager: .* there is nothing to compute"),
    ],
)
def test_explain_says_why(monkeypatch, size, kind, change, sentence):
    monkeypatch.setattr(echo_state, "radius_of", lambda product, size: 1.0)
    cell = build(size, 0.5, kind)
    inputs = torch.zeros(2, 0 if change == "empty" else 1, INPUTS, dtype=kind)
    inputs.requires_grad_(change == "gradient")
    if change == "map":
        cell.recurrent_map = torch.nn.Sequential(cell.recurrent_map)
    assert re.match(sentence, explain(cell, inputs)), explain(cell, inputs)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_work_is_shared_out_where_it_pays(monkeypatch, threads):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    full = host().lanes // 2

    def chosen(batch, size, entries):
        return plan(batch, size, entries, sparse=True, double=True)

    assert chosen(1, 500, 5)[:3] == (1, full, 1)
    assert chosen(1, 10_000, 100)[:3] == (1, full, threads)
    assert chosen(4 * full, 10_000, 100)[:3] == (full, full, threads)


def test_the_numbers_against_numpy():
    cell = build(200, 0.1)
    inputs, state = sample(cell, 1)
    weights, into = cell.recurrent_map.weight.numpy(), cell.input_map
    hidden = state.hidden[0].numpy()
    for x in inputs[:, 0].numpy():
        driven = into.weight.numpy() @ x + into.bias.numpy() + weights @ hidden
        hidden = 0.4 * hidden + 0.6 * np.tanh(driven)
    outputs, _ = unroll(cell, inputs, state)
    np.testing.assert_allclose(outputs[-1, 0].numpy(), hidden, rtol=0, atol=1e-13)


if __name__ == "__main__":
    print(host().lanes, check_widths())
