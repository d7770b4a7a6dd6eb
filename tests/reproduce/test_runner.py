import math
import multiprocessing
import signal
import subprocess
import sys

import pytest
import torch

from elman.errors import ConfigError, ElmanError
from elman.reproduce import Row, run_seeds, runner, table

DRAW = 'return {"draw": torch.rand(()).item(), "threads": torch.get_num_threads()}'


@pytest.fixture(autouse=True)
def shared_table(make_experiment, monkeypatch):
    """The runner sees the table of these tests."""
    monkeypatch.setattr(runner, "EXPERIMENTS", table.EXPERIMENTS)


def test_seeds_run_in_processes_of_one_thread_and_are_gathered_in_order(make_experiment):
    module = make_experiment("draws", DRAW)
    lines = []
    (draw, threads), seconds = run_seeds("draws", [3, 1, 2], lines.append)
    expected = [runner.run_seed(module, seed)[0]["draw"] for seed in (3, 1, 2)]
    assert list(draw.values) == expected  # the same bits in another process
    assert len(set(expected)) == 3
    assert (draw.lowest, draw.median, draw.highest) == tuple(sorted(expected))
    assert draw.row == Row("draw", "units", 0.5, 2.0)
    assert threads.values == (1.0, 1.0, 1.0)
    assert seconds > 0
    assert {line.split(" done")[0] for line in lines} == {f"draws: seed {s}" for s in (1, 2, 3)}
    assert lines[-1].endswith("(3/3)")


def test_a_seed_starts_torch_s_generator_anew(make_experiment):
    module = make_experiment("draw", DRAW)
    torch.manual_seed(99)
    values, _ = runner.run_seed(module, 5)
    torch.manual_seed(5)
    assert values["draw"] == torch.rand(()).item()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('raise DivergenceError("the loss is infinite.")', "seed 1: the loss is infinite."),
        ('raise MissingExtraError("abacus", "counts", "to count")', "seed 1: abacus is needed"),
        ("os._exit(3)", "the process of a seed ended before its time"),
    ],
)
def test_a_failing_seed_ends_all(make_experiment, body, message):
    make_experiment("bad", body)
    with pytest.raises(ElmanError, match=message) as caught:
        run_seeds("bad", [1], print)
    assert "\n" not in str(caught.value)


def test_an_interrupt_ends_the_processes_and_is_passed_on(make_experiment):
    make_experiment("slow", DRAW)
    handler = signal.getsignal(signal.SIGINT)

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_seeds("slow", [1, 2], interrupt)
    for child in multiprocessing.active_children():
        child.join(timeout=30)
    assert multiprocessing.active_children() == []
    assert signal.getsignal(signal.SIGINT) is handler


def test_no_process_outlives_a_run_that_is_killed(make_experiment, tmp_path):
    wait = '__import__("time").sleep(20)'
    module = make_experiment(
        "endless", f"print('begun', flush=True); {wait}; print('outlived', flush=True)"
    )
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from elman.reproduce import run_seeds, table\n"
        "if __name__ == '__main__':\n"
        f"    table.EXPERIMENTS['endless'] = {module!r}\n"
        "    run_seeds('endless', [1], print)\n"
    )
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, str(tmp_path / "program.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "begun\n"
        parent.kill()
        assert parent.stdout.read() == ""  # all who could write have ended


def test_a_median_over_what_is_no_number_is_none():
    row = Row("draw", "units")
    gathered = runner._gather(row, [{"draw": 1.0}, {"draw": math.nan}, {"draw": 2.0}])
    assert all(math.isnan(number) for number in gathered[1:4])


def test_an_unknown_experiment_is_named_with_the_known(make_experiment):
    make_experiment("draw", DRAW)
    with pytest.raises(ConfigError, match="unknown experiment 'drawn': known are draw"):
        run_seeds("drawn", [1], print)
