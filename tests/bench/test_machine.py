import re

from elman.bench.machine import machine_line


def test_one_line_names_what_times_depend_on(monkeypatch):
    monkeypatch.setenv("ELMAN_LANES", "4")
    line = machine_line()
    # Tests run with one thread.
    pattern = (
        r"\S.*, [1-9]\d* cores(, load \d+\.\d)?; torch 2\.\S+, 1 threads; vectors of 4 float32"
    )
    assert re.fullmatch(pattern, line)


def test_other_systems_than_linux_are_named_too(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr("elman.bench.machine.Path.read_text", missing)
    monkeypatch.setattr("elman.bench.machine.platform.processor", lambda: "")
    monkeypatch.setattr("elman.bench.machine.platform.machine", lambda: "abacus")
    assert machine_line().startswith("abacus, ")
