"""Object code kept on disk: what was compiled once is read in a millisecond ever after."""

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import llvmlite

from elman.engine.native.target import Host, host

FOLDER_VARIABLE = "ELMAN_CACHE"
"""Environment variable that names another folder than the user's cache folder."""

LARGEST_SIZE = 256 * 2**20
"""Bytes that the folder may hold, or a little more; beyond it the entries unused for longest are
dropped."""

TRIMMED_EVERY = 16
"""Entries written for one that looks whether the folder holds too much, which takes a while where
it holds many."""

_ENGINE = Path(__file__).parent.parent
_DIGEST_SIZE = hashlib.sha256().digest_size


def compiled_object(key: str, build: Callable[[], bytes], target: Host | None = None) -> bytes:
    """Give object code from disk, or make it and keep it there.

    Processes and threads may ask for the same code at once. An entry that is damaged is made
    anew. Where the folder cannot be used, nothing is kept and nothing is said. Code from another
    version of the engine or of llvmlite is not used.

    Args:
        key: all that the code depends on besides the processor, such as the text of a program.
        build: makes the object code.
        target: the processor that the code is for; this one if not given.

    Returns:
        The object code. It must hold no address, which would be wrong in the next process.
    """
    path = _path(key, target or host())
    code = _read(path) if path else None
    if code is None:
        code = build()
        if path:
            _write(path, code)
    return code


@cache
def _digest(folder: Path) -> str:
    """Digest all Python files in a folder and in its subfolders."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        total.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()


def _path(key: str, target: Host) -> Path | None:
    folder = _folder()
    if folder is None:
        return None
    versions = (llvmlite.__version__, _digest(_ENGINE))
    parts = (*versions, sys.platform, target.cpu, target.features, str(target.lanes), key)
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return folder / f"{name}.o"


def _folder() -> Path | None:
    """Find the folder, or nothing where there is none that only this user writes to."""
    try:
        folder = _user_folder() / "native"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return None
    if os.name == "posix" and (status.st_uid != os.geteuid() or status.st_mode & stat.S_IWOTH):
        return None  # others could put in code that this user would run
    return folder


def _user_folder() -> Path:
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "elman"


def _read(path: Path) -> bytes | None:
    """Give the content of an entry, or nothing where it is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    checksum, code = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    if checksum != hashlib.sha256(code).digest():
        return None
    with suppress(OSError):
        os.utime(path)  # used now
    return code


def _write(path: Path, code: bytes) -> None:
    with suppress(OSError):
        # The name is one of this thread alone. The checksum makes waiting for the disk needless.
        number, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with open(number, "wb") as file:
                file.write(hashlib.sha256(code).digest() + code)
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        if int(path.stem, 16) % TRIMMED_EVERY == 0:  # by chance, but the same one each time
            _trim(path.parent)


def _trim(folder: Path) -> None:
    entries = []
    for path in folder.iterdir():
        with suppress(OSError):  # another process may have dropped it
            status = path.stat()
            entries.append((status.st_mtime_ns, status.st_size, path))
    excess = sum(size for _, size, _ in entries) - LARGEST_SIZE
    for _, size, path in sorted(entries):
        if excess <= 0:
            break
        with suppress(OSError):
            path.unlink()
        excess -= size
