"""Steps that no program can hold, and use that goes wrong: nothing hangs, nothing is wrong."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from elman.cells import Cell, ElmanCell, GRUCell, LSTMCell
from elman.engine import choose, explain, unroll, unroll_eager

LIMIT = 120  # seconds after which a process that hangs is ended


class Plain(Cell[tuple[torch.Tensor]]):
    """A user's cell, whose step the others change."""

    def __init__(self):
        super().__init__(3, 4)
        self.map = nn.Linear(7, 4)
        self.gain = nn.Parameter(torch.ones(4))
        self.count = 0

    def initial_state(self, batch_size):
        return (self.map.weight.new_zeros(batch_size, 4),)

    def project(self, inputs):
        return inputs

    def new(self, projected, state):
        return self.map(torch.cat([projected, state[0][:, :4]], dim=-1)).tanh()

    def step(self, projected, state):
        hidden = self.new(projected, state)
        return hidden, (hidden,)


class InPlaceInput(Plain):
    def step(self, projected, state):
        projected.mul_(2)
        return super().step(projected, state)


class InPlaceState(Plain):
    def step(self, projected, state):
        state[0].add_(1)
        return super().step(projected, state)


class Branching(Plain):
    def step(self, projected, state):
        hidden = self.new(projected, state)
        if hidden.sum() > 0:
            hidden = -hidden
        return hidden, (hidden,)


class ThroughNumpy(Plain):
    def step(self, projected, state):
        hidden = torch.from_numpy(self.new(projected, state).detach().numpy())
        return hidden, (hidden,)


class Unknown(Plain):
    def step(self, projected, state):
        hidden = self.new(projected, state).sort(dim=-1).values
        return hidden, (hidden,)


class Random(Plain):
    def step(self, projected, state):
        hidden = self.new(projected, state) * torch.rand(4)
        return hidden, (hidden,)


class RowMixing(Plain):
    def step(self, projected, state):
        hidden = self.new(projected, state)
        hidden = hidden - hidden.mean(0)
        return hidden, (hidden,)


class MixedTypes(Plain):
    def __init__(self):
        super().__init__()
        self.scale = nn.ParameterList([torch.ones(4, dtype=torch.float64)])

    def step(self, projected, state):
        hidden = (self.new(projected, state) * self.scale[0]).float()
        return hidden, (hidden,)


class Growing(Plain):
    def step(self, projected, state):
        hidden = self.new(projected, state)
        return hidden, (torch.cat([hidden, state[0]], dim=-1),)


class Counting(Plain):
    def step(self, projected, state):
        self.count += 1
        return super().step(self.count * projected, state)


class OutputOfThreeAxes(Plain):
    def step(self, projected, state):
        hidden = self.new(projected, state)
        return hidden.unsqueeze(-1), (hidden,)


REFUSED = {
    InPlaceInput: "its step changes its input in place (aten.mul_)",
    InPlaceState: "its step changes its input in place (aten.add_)",
    Branching: "its step branches on the values of tensors (.item(), bool())",
    ThroughNumpy: "its step branches on the values of tensors (.tolist(), .numpy())",
    Unknown: "its step calls aten.sort, which the compiler does not know",
    Random: "its step draws random numbers (aten.rand)",
    RowMixing: "its step mixes the rows of the batch",
    MixedTypes: "its step mixes torch.float32 and torch.float64",
    Growing: "its state changes shape from [batch, 4] to [batch, 8]",
    Counting: "its step changes the attributes of its module",
    OutputOfThreeAxes: "its output has the shape [batch, 4, 1]",
}


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.__name__)
def test_the_plain_loop_runs_and_says_why(kind):
    torch.manual_seed(0)
    cell, inputs, found = kind(), torch.randn(4, 2, 3), []
    assert explain(cell, inputs.clone()) == (
        f"eager: the plain loop, because {REFUSED[kind]}; torch has no fused kernel for "
        f"{kind.__name__}."
    )
    for run in (unroll, unroll_eager):
        torch.manual_seed(1)
        cell.count = 0
        outputs, state = run(cell, inputs.clone(), cell.initial_state(2))
        found.append((outputs, *state))
    assert all(map(torch.equal, *found))


class StateOfOtherShape(Plain):
    def step(self, projected, state):
        hidden = self.map(torch.cat([projected, state[0]], dim=-1))
        return hidden, (hidden.repeat(1, 2),)


class StateOfOtherType(Plain):
    def step(self, projected, state):
        hidden = self.new(projected, state)
        return hidden, (hidden.double(),)


class OtherDevice(Plain):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(4, device="meta"))

    def step(self, projected, state):
        hidden = self.new(projected, state) * self.gain
        return hidden, (hidden,)


class OutputIsNoTensor(Plain):
    def step(self, projected, state):
        return 1.0, state


class Failing(Plain):
    def step(self, projected, state):
        raise KeyError("no such part")


FAILING = {
    StateOfOtherShape: (RuntimeError, "its state changes shape from [batch, 4] to [batch, 8]"),
    StateOfOtherType: (RuntimeError, "its state changes from torch.float32 to torch.float64"),
    OtherDevice: (RuntimeError, "Tensor on device meta is not on the expected device cpu"),
    OutputIsNoTensor: (TypeError, "its output is a float, not a tensor"),
    Failing: (KeyError, "its step fails when it is traced: 'no such part'"),
}


@pytest.mark.parametrize("kind", FAILING, ids=lambda kind: kind.__name__)
def test_what_fails_everywhere_says_what_is_wrong_with_the_step(kind):
    error, reason = FAILING[kind]
    cell = kind()
    with pytest.raises(error) as caught:
        unroll(cell, torch.randn(4, 2, 3))
    assert reason in "\n".join([str(caught.value), *caught.value.__notes__])
    assert reason in explain(cell, torch.randn(4, 2, 3))


def test_gradients_through_an_input_changed_in_place_are_refused():
    cell, inputs = InPlaceInput(), torch.randn(4, 2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="modified inplace"):
        unroll(cell, inputs)


def test_not_a_number_and_infinity_pass_through():
    class Dividing(Plain):
        def step(self, projected, state):
            hidden = projected[:, :1] / projected[:, 1:2] + 0 * self.new(projected, state)
            return hidden, (hidden,)

    cell, inputs = Dividing(), torch.ones(3, 4, 3)
    inputs[0, 1, 1] = 0.0
    inputs[1, 2, :2] = 0.0
    inputs[2, 3, 0] = -torch.inf
    assert choose(cell, inputs, cell.initial_state(4)).backend == "compiled"
    found = [run(cell, inputs, cell.initial_state(4))[0] for run in (unroll, unroll_eager)]
    torch.testing.assert_close(*found, equal_nan=True)
    assert found[0][0, 1].isinf().all()
    assert found[0][1, 2].isnan().all()
    assert not found[0][:, 0].isnan().any()


class Context(Plain):
    """A projection that looks at the steps before, where it is given a whole sequence."""

    def __init__(self):
        super().__init__()
        self.inner = ElmanCell(3, 3)

    def project(self, inputs):
        return unroll(self.inner, inputs)[0] if inputs.dim() == 3 else inputs


class StepWithin(Plain):
    """A cell that unrolls another within its step."""

    def __init__(self):
        super().__init__()
        self.inner = ElmanCell(3, 3)

    def step(self, projected, state):
        inner, _ = unroll(self.inner, projected.unsqueeze(0))
        return super().step(inner[0], state)


@pytest.mark.parametrize("kind", [Context, StepWithin])
def test_a_cell_may_unroll_another(kind):
    torch.manual_seed(0)
    cell, inputs = kind(), torch.randn(5, 2, 3)
    outputs, _ = unroll(cell, inputs)
    expected, _ = unroll_eager(cell, inputs, cell.initial_state(2))
    torch.testing.assert_close(outputs, expected)


def test_two_threads_use_a_new_module_at_once():
    torch.manual_seed(0)
    inputs = torch.randn(20, 6, 8)
    for _ in range(3):
        cell, found = LSTMCell(8, 40), []
        start = threading.Barrier(3)

        def work(cell=cell, found=found, start=start):
            start.wait()
            outputs, _ = unroll(cell, inputs)
            found.append((outputs, *torch.autograd.grad(outputs.sin().sum(), cell.parameters())))

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert len(found) == 3
        for one in found[1:]:
            assert all(map(torch.equal, one, found[0]))
        outputs, _ = unroll_eager(cell, inputs, cell.initial_state(6))
        torch.testing.assert_close(found[0][0], outputs, rtol=1e-4, atol=1e-5)


def python(script):
    """Start a process that runs a script on two threads; all it warns of is an error."""
    package = Path(__file__).parents[2] / "src"
    environment = {**os.environ, "PYTHONPATH": str(package), "OMP_NUM_THREADS": "2"}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process):
    try:
        said, complained = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert process.returncode == 0, complained
    return said.split()


FORKED = """
    import torch
    from elman.cells import LSTMCell
    from elman.engine import unroll

    torch.manual_seed(0)
    cell, inputs = LSTMCell(8, 64), torch.randn(30, 8, 8)

    class Data(torch.utils.data.Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            outputs, _ = unroll(cell, inputs * (index + 1))
            return torch.autograd.grad(outputs.sum(), cell.recurrent_map.weight)[0].detach()

    data = Data()
    expected = [data[index] for index in range(6)]  # two threads have run before the fork
    loader = torch.utils.data.DataLoader(data, 1, num_workers=2, multiprocessing_context="fork")
    for part, one in zip(loader, expected, strict=True):
        torch.testing.assert_close(part[0], one)
    print("equal")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_forked_data_workers_run_on_one_thread():
    assert finished(python(FORKED)) == ["equal"]


INTERRUPTED = """
    import torch
    from elman.cells import LSTMCell
    from elman.engine import unroll

    torch.manual_seed(0)
    cell, inputs = LSTMCell(4, 512), torch.randn(8_000, 4, 4)
    with torch.no_grad():
        expected, _ = unroll(cell, inputs[:50])
        try:
            print("begins", flush=True)
            while True:
                unroll(cell, inputs)
        except KeyboardInterrupt:
            print("interrupted")
    again, _ = unroll(cell, inputs[:50])
    assert torch.equal(again, expected)
    again.sum().backward()
    print("equal")
"""


@pytest.mark.skipif(os.name != "posix", reason="signals differ on this system")
def test_ctrl_c_in_a_long_call_leaves_everything_whole():
    process = python(INTERRUPTED)
    assert process.stdout.readline() == "begins\n"
    threading.Event().wait(0.3)  # well inside a call
    process.send_signal(signal.SIGINT)
    assert finished(process) == ["interrupted", "equal"]


@pytest.mark.parametrize("folder", ["file", "file/below", "/proc/none"])
def test_a_cache_folder_that_cannot_be_used_is_done_without(folder, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setenv("ELMAN_CACHE", str(tmp_path / folder))
    size = 40 + len(folder)  # a program that this process has not compiled yet
    cell, inputs = GRUCell(3, size), torch.randn(4, 2, 3)
    assert explain(cell, inputs).startswith("compiled")
    outputs, _ = unroll(cell, inputs)
    expected, _ = unroll_eager(cell, inputs, cell.initial_state(2))
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-5)
    assert file.read_text() == "not a folder"
