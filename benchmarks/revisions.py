"""Two revisions side by side: `elman bench` of each, in turn, and how the ratios moved.

    python benchmarks/revisions.py OLD [NEW] [--rounds N] [-- OPTIONS OF elman bench]

OLD and NEW are anything git understands; without NEW it is the working tree as it stands. Each
runs in processes of its own with this Python. A row's ratio is against the same other
implementation within the same process, so a busy machine moves it less than it moves times.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent

Key = tuple[str, str, str, str]
"""Work, cell, shape and other implementation."""


def main(arguments: Sequence[str]) -> None:
    usage = "revisions.py OLD [NEW] [--rounds N] [-- OPTIONS OF elman bench]"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], usage=usage)
    parser.add_argument("old", nargs="?", metavar="OLD", help="a revision of git")
    parser.add_argument("new", nargs="?", metavar="NEW", help="another; the working tree if none")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each (default: 2)")
    split = arguments.index("--") if "--" in arguments else len(arguments)
    given = parser.parse_args(arguments[:split])
    if given.old is None:  # `make bench` runs every script as it is
        parser.print_help()
        return
    options = arguments[split + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        sources = [unpack(given.old, Path(folder, "old"))]
        sources.append(unpack(given.new, Path(folder, "new")) if given.new else ROOT / "src")
        found: list[dict[Key, list[float]]] = [{}, {}]
        for number in range(1, given.rounds + 1):
            for name, source, ratios in zip(("old", "new"), sources, found, strict=True):
                print(f"run {number} of {given.rounds}, {name}", file=sys.stderr, flush=True)
                measure(name, source, options, ratios)
    print_changes(*found)


def unpack(revision: str, folder: Path) -> Path:
    """Put a revision's sources into a folder; return what belongs into PYTHONPATH."""
    command = ["git", "archive", "--format=tar", revision, "src"]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if archive.returncode != 0:
        sys.exit(f"{revision}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder / "src"


def measure(
    name: str, source: Path, options: Sequence[str], ratios: dict[Key, list[float]]
) -> None:
    """Run the benchmark on these sources and add its ratios."""
    command = [sys.executable, "-m", "elman", "bench", "--json", "--quiet", *options]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    answer = subprocess.run(
        command, cwd=source, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        sys.exit(f"{name}: {answer.stderr.strip()}")
    for line in answer.stdout.splitlines():
        row = json.loads(line)
        if row["ratio"] is not None:
            key = (row["work"], row["cell"], row["shape"], row["against"])
            ratios.setdefault(key, []).append(row["ratio"])


def print_changes(old: dict[Key, list[float]], new: dict[Key, list[float]]) -> None:
    print(f"{'work':<6}{'cell':<17}{'shape':<23}{'against':<13}{'old':>7}{'new':>7}{'new/old':>9}")
    for key in [key for key in old if key in new]:
        before, after = statistics.median(old[key]), statistics.median(new[key])
        work, cell, shape, against = key
        print(
            f"{work:<6}{cell:<17}{shape:<23}{against:<13}{before:7.2f}{after:7.2f}"
            f"{after / before:9.2f}"
        )
    for name, only in (("old", old.keys() - new.keys()), ("new", new.keys() - old.keys())):
        for key in sorted(only):
            print(f"only in {name}: {', '.join(key)}")


if __name__ == "__main__":
    main(sys.argv[1:])
