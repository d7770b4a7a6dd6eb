"""How much memory the machine has."""

import os


def physical_memory() -> float:
    """Return the machine's memory in bytes; infinite where the system does not tell."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return float("inf")  # the allocation itself may fail
