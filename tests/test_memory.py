from pathlib import Path

import pytest

from elman.memory import physical_memory

MEMINFO = Path("/proc/meminfo")


@pytest.mark.skipif(not MEMINFO.exists(), reason="the system tells its memory in another way")
def test_the_memory_is_what_the_system_says():
    total = next(line for line in MEMINFO.read_text().splitlines() if line.startswith("MemTotal"))
    assert physical_memory() == int(total.split()[1]) * 1024
