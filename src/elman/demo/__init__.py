"""Demonstrations on real data that comes with installed packages; no network."""
