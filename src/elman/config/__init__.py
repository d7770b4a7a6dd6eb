"""Settings: ranges, TOML files, and the ready-made ones that ship with the package."""

from elman.config.ranges import (
    Count,
    Natural,
    NonNegative,
    Positive,
    Range,
    Rate,
    Seed,
    check_ranges,
)
from elman.config.shipped import settings_file, shipped_names
from elman.config.toml import from_mapping, read_toml, values_of, write_toml

__all__ = [
    "Count",
    "Natural",
    "NonNegative",
    "Positive",
    "Range",
    "Rate",
    "Seed",
    "check_ranges",
    "from_mapping",
    "read_toml",
    "settings_file",
    "shipped_names",
    "values_of",
    "write_toml",
]
