"""Running a test file as a program on narrower vectors."""

import os
import subprocess
import sys
from pathlib import Path


def numbers_printed(file: str, lanes: str) -> list[int]:
    """Run a file with its code made for vectors of so many lanes; return what it prints."""
    package = Path(__file__).parents[2] / "src"
    tests = Path(__file__).parents[1]
    paths = os.pathsep.join(map(str, (package, tests)))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-W", "error", file],
        env={**environment, "ELMAN_LANES": lanes},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]
