"""Compiled code on disk: found again, never wrong, and no trouble where it cannot be kept."""

import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from elman.engine.native import cache as module_under_test
from elman.engine.native.cache import compiled_object
from elman.engine.native.target import host

CODE = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ELMAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "native"


class Maker:
    """Counts how often code is made."""

    def __init__(self, code=CODE):
        self.code = code
        self.times = 0

    def __call__(self):
        self.times += 1
        return self.code


def entries(folder):
    return sorted(folder.iterdir())


def test_code_is_made_once(folder):
    make = Maker()
    assert compiled_object("key", make) == CODE
    assert compiled_object("key", make) == CODE
    assert make.times == 1
    (entry,) = entries(folder)
    assert entry.suffix == ".o"


@pytest.mark.parametrize(
    "arguments",
    [
        {"key": "other"},
        {"target": replace(host(), cpu="other")},
        {"target": replace(host(), features="+other")},
    ],
)
def test_anything_the_code_depends_on_makes_another_entry(folder, arguments):
    usual = {"key": "key"}
    compiled_object(build=Maker(), **usual)
    other = Maker(b"other")
    assert compiled_object(build=other, **{**usual, **arguments}) == b"other"
    assert other.times == 1
    assert len(entries(folder)) == 2


def test_another_llvmlite_makes_another_entry(monkeypatch):
    compiled_object("key", Maker())
    monkeypatch.setattr("llvmlite.__version__", "0.0.0")
    assert compiled_object("key", Maker(b"other")) == b"other"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:],
        lambda content: bytes(len(content)),
    ],
)
def test_a_damaged_entry_is_made_anew(folder, damage):
    compiled_object("key", Maker())
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    make = Maker()
    assert compiled_object("key", make) == CODE
    assert make.times == 1
    assert entry.read_bytes() == whole


def test_an_error_in_making_leaves_nothing_behind(folder):
    def fail():
        raise RuntimeError("no such instruction")

    with pytest.raises(RuntimeError, match="no such instruction"):
        compiled_object("key", fail)
    assert entries(folder) == []


@pytest.mark.parametrize("place", ["/proc/elman-none", "file/below", ""])
def test_a_folder_that_cannot_be_made_is_harmless(tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.chdir(tmp_path)
    if place:
        monkeypatch.setenv("ELMAN_CACHE", place)
    else:  # no home folder at all
        monkeypatch.delenv("ELMAN_CACHE")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    make = Maker()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiled_object("key", make) == CODE


def test_a_folder_that_cannot_be_written_is_harmless(folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError("read-only file system")

    monkeypatch.setattr(module_under_test.tempfile, "mkstemp", refuse)
    make = Maker()
    assert compiled_object("key", make) == compiled_object("key", make) == CODE
    assert make.times == 2
    assert entries(folder) == []


def test_a_full_disk_leaves_no_parts(folder, monkeypatch):
    def refuse(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(module_under_test.os, "replace", refuse)
    assert compiled_object("key", Maker()) == CODE
    assert entries(folder) == []


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_folder_that_others_write_to_is_not_trusted(folder):
    compiled_object("key", Maker(b"theirs"))
    folder.chmod(0o777)
    assert compiled_object("key", Maker()) == CODE
    folder.chmod(0o700)
    assert compiled_object("key", Maker()) == b"theirs"


def test_the_entries_unused_for_longest_are_dropped(folder, monkeypatch):
    monkeypatch.setattr(module_under_test, "LARGEST_SIZE", 3 * (len(CODE) + 32))
    monkeypatch.setattr(module_under_test, "TRIMMED_EVERY", 1)
    for age, key in enumerate(["first", "second", "third"]):
        compiled_object(key, Maker())
        newest = max(entries(folder), key=lambda entry: entry.stat().st_mtime_ns)
        os.utime(newest, (1000 + age, 1000 + age))
    compiled_object("first", Maker())  # used again
    compiled_object("fourth", Maker())
    kept = {}
    for key in ["first", "third", "fourth", "second"]:
        make = Maker()
        compiled_object(key, make)
        kept[key] = make.times == 0
    assert kept == {"first": True, "third": True, "fourth": True, "second": False}
    assert len(entries(folder)) == 3


def test_the_folder_is_seldom_looked_through_and_yet_does_not_grow(folder, monkeypatch):
    def counted(path):
        sizes.append(len(entries(folder)))
        trim(path)

    sizes, trim = [], module_under_test._trim
    monkeypatch.setattr(module_under_test, "_trim", counted)
    monkeypatch.setattr(module_under_test, "LARGEST_SIZE", 3 * (len(CODE) + 32))
    for number in range(400):
        compiled_object(str(number), Maker())
    assert 400 // 64 < len(sizes) < 400 // 8
    assert max(sizes) < 300


def test_threads_ask_for_the_same_code_at_once(folder):
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: compiled_object("key", Maker()), range(64)))
    assert set(results) == {CODE}
    assert len(entries(folder)) == 1


def test_another_version_of_the_engine_makes_another_entry(tmp_path, monkeypatch):
    def times_made(name, files):
        for path, content in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(content)
        monkeypatch.setattr(module_under_test, "_ENGINE", tmp_path / name)
        make = Maker()
        compiled_object("key", make)
        return make.times

    assert times_made("first", {"a.py": "x = 1\n", "b/c.py": "", "notes.txt": "1"}) == 1
    assert times_made("same", {"a.py": "x = 1\n", "b/c.py": "", "notes.txt": "2"}) == 0
    assert times_made("changed", {"a.py": "x = 2\n", "b/c.py": ""}) == 1
    assert times_made("renamed", {"z.py": "x = 1\n", "b/c.py": ""}) == 1
    assert times_made("moved", {"a.py": "", "b/c.py": "x = 1\n"}) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the folders of Linux")
def test_the_users_cache_folder_is_the_place(tmp_path, monkeypatch):
    monkeypatch.delenv("ELMAN_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    compiled_object("key", Maker())
    assert len(entries(tmp_path / ".cache" / "elman" / "native")) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    compiled_object("key", Maker())
    assert len(entries(tmp_path / "xdg" / "elman" / "native")) == 1
