"""Cells on GPUs: Triton kernels made from the same programs as native code."""
