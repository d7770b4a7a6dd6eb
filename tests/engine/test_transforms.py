"""Transforms and derivatives of any order: `unroll` gives the numbers of the eager definition."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacrev, jvp, vjp, vmap

from elman.cells import CELLS
from elman.engine import FUSED_CELLS, choose, unroll, unroll_eager
from elman.state import tensors

TIME, BATCH, INPUTS, HIDDEN = 3, 2, 2, 4
# float32 runs on native code; float64 on the fused kernel where there is one, else eagerly.
TOLERANCE = {torch.float32: 2e-4, torch.float64: 1e-10}
EVERY = [(name, dtype) for name in CELLS for dtype in TOLERANCE]
everywhere = pytest.mark.parametrize(
    ("name", "dtype"), EVERY, ids=[f"{name}-{str(dtype)[-2:]}" for name, dtype in EVERY]
)


class Run(torch.nn.Module):
    """A cell unrolled by one of the two, so that it can be called with other parameters."""

    def __init__(self, cell, run):
        super().__init__()
        self.cell = cell
        self.run = run

    def forward(self, inputs):
        """Return one number that depends on all outputs and states."""
        outputs, state = self.run(self.cell, inputs, self.cell.initial_state(inputs.shape[1]))
        total = (outputs + 0.3).sin().sum()
        return total + sum((part * 0.7).sigmoid().sum() for part in tensors(state))


def both(name, dtype):
    """The two runs of one cell, and inputs."""
    torch.manual_seed(0)
    cell = CELLS[name](INPUTS, HIDDEN).to(dtype)
    inputs = torch.randn(TIME, BATCH, INPUTS, dtype=dtype)
    ours = lambda cell, inputs, state: unroll(cell, inputs, state)  # noqa: E731
    return (Run(cell, ours), Run(cell, unroll_eager)), inputs


def assert_same(one, two):
    one, two = list(tensors(one)), list(tensors(two))
    assert len(one) == len(two)
    for left, right in zip(one, two, strict=True):
        limit = TOLERANCE[left.dtype]
        torch.testing.assert_close(left, right, rtol=limit, atol=limit)


def learnt(run):
    return {
        name: weight.detach() for name, weight in run.named_parameters() if weight.requires_grad
    }


def test_both_kernels_are_reached():
    found = {}
    for name, dtype in EVERY:
        (run, _), inputs = both(name, dtype)
        chosen = choose(run.cell, inputs, run.cell.initial_state(BATCH)).backend
        found.setdefault(chosen, set()).add(type(run.cell))
    assert found["compiled"] == {type(make(1, 4)) for make in CELLS.values()}
    assert found["fused"] == set(FUSED_CELLS)


@everywhere
def test_vmap(name, dtype):
    (ours, eager), _ = both(name, dtype)
    inputs = torch.randn(5, TIME, BATCH, INPUTS, dtype=dtype)
    assert_same(vmap(ours)(inputs), vmap(eager)(inputs))
    assert_same(vmap(ours)(inputs), torch.stack([ours(each) for each in inputs]))


@everywhere
def test_per_sample_gradients(name, dtype):
    runs, _ = both(name, dtype)
    inputs = torch.randn(3, TIME, 1, INPUTS, dtype=dtype)
    found = []
    for run in runs:

        def loss(weights, sample, run=run):
            return functional_call(run, weights, (sample,))

        gradients = vmap(grad(loss, argnums=(0, 1)), in_dims=(None, 0))(learnt(run), inputs)
        found.append((*gradients[0].values(), gradients[1]))
    assert_same(*found)


@everywhere
def test_forward_mode(name, dtype):
    runs, inputs = both(name, dtype)
    tangent = torch.randn(inputs.shape, dtype=dtype)
    found = []
    for run in runs:
        by_transform = jvp(run, (inputs,), (tangent,))
        with forward_ad.dual_level():
            dual = forward_ad.unpack_dual(run(forward_ad.make_dual(inputs, tangent)))
        assert_same(by_transform, (dual.primal, dual.tangent))
        _, pull = vjp(run, inputs)
        one = torch.ones((), dtype=dtype)
        assert_same(by_transform[1], (pull(one)[0] * tangent).sum())
        found.append(by_transform)
    assert_same(*found)


@everywhere
def test_tangents_of_weights(name, dtype):
    runs, inputs = both(name, dtype)
    found = []
    for run in runs:
        weights = {name: weight.detach() for name, weight in run.named_parameters()}
        weights |= {name: buffer for name, buffer in run.named_buffers() if buffer.dtype == dtype}
        tangents = {name: torch.ones_like(weight) for name, weight in weights.items()}
        found.append(
            jvp(
                lambda given, run=run: functional_call(run, given, (inputs,)),
                (weights,),
                (tangents,),
            )
        )
    assert_same(*found)


@everywhere
def test_other_parameters(name, dtype):
    runs, inputs = both(name, dtype)
    found = []
    for run in runs:
        weights = {name: (0.9 * part).requires_grad_() for name, part in learnt(run).items()}
        leaf = inputs.clone().requires_grad_()
        loss = functional_call(run, weights, (leaf,))
        found.append((loss, *torch.autograd.grad(loss, [leaf, *weights.values()])))
    assert_same(*found)


@everywhere
def test_second_derivatives(name, dtype):
    runs, inputs = both(name, dtype)
    found = []
    for run in runs:
        leaves = [inputs.clone().requires_grad_(), *run.parameters()]
        leaves = [leaf for leaf in leaves if leaf.requires_grad]
        first = torch.autograd.grad(run(leaves[0]), leaves, create_graph=True)
        along = sum((part * part.detach().cos()).sum() for part in first)
        second = torch.autograd.grad(along, leaves, allow_unused=True, materialize_grads=True)
        found.append((*first, *second))
    assert_same(*found)


@everywhere
def test_hessian_vector_products(name, dtype):
    runs, inputs = both(name, dtype)
    vector = torch.randn(inputs.shape, dtype=dtype)
    found = []
    for run in runs:
        reverse_twice = torch.autograd.functional.vhp(run, inputs, vector)[1]
        forward_over_reverse = jvp(grad(run), (inputs,), (vector,))[1]
        assert_same(reverse_twice, forward_over_reverse)
        found.append(forward_over_reverse)
    assert_same(*found)


@everywhere
def test_many_gradients_at_once(name, dtype):
    """One graph, its backward pass batched: the kernels' own backward passes cannot do that."""
    runs, inputs = both(name, dtype)
    found = []
    for run in runs:
        leaf = inputs.clone().requires_grad_()
        outputs, _ = run.run(run.cell, leaf, run.cell.initial_state(BATCH))
        rows = torch.eye(outputs.numel(), dtype=dtype).view(-1, *outputs.shape)
        (jacobian,) = torch.autograd.grad(outputs, leaf, rows, is_grads_batched=True)
        found.append(jacobian)
    assert_same(*found)


def test_tangents_of_a_gradient():
    """Forward-mode derivatives of a backward pass whose forward pass a kernel ran."""
    for dtype in TOLERANCE:
        runs, inputs = both("lstm", dtype)
        found = []
        for run in runs:
            leaf = inputs.clone().requires_grad_()
            loss = run(leaf)
            with forward_ad.dual_level():
                seed = forward_ad.make_dual(torch.ones_like(loss), torch.full_like(loss, 2.0))
                (gradient,) = torch.autograd.grad(loss, leaf, seed)
                found.append(tuple(forward_ad.unpack_dual(gradient)))
        assert_same(found[0], found[1])
        assert_same(found[0][1], 2 * found[0][0])


def test_whole_jacobians_and_hessians():
    for dtype in TOLERANCE:
        runs, inputs = both("gru", dtype)
        assert_same(*(jacrev(run)(inputs) for run in runs))
        assert_same(*(hessian(run)(inputs[:2]) for run in runs))
