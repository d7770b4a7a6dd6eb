"""Gradients carried forward in time: exact RTRL, SnAp-1 and UORO."""
