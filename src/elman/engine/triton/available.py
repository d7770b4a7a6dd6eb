"""Whether Triton kernels can be launched here."""

import importlib.util
from functools import cache

import torch


@cache
def is_installed() -> bool:
    """Say whether Triton is installed.

    Returns:
        True if it can be imported.
    """
    return importlib.util.find_spec("triton") is not None


@cache
def is_interpreting() -> bool:
    """Say whether kernels are run by Triton's interpreter, on any device.

    Returns:
        True where the variable `TRITON_INTERPRET` is set.
    """
    if not is_installed():
        return False
    import triton

    return bool(triton.knobs.runtime.interpret)


def can_launch(device: torch.device) -> bool:
    """Say whether kernels can work on tensors of a device.

    Args:
        device: the tensors' device.

    Returns:
        True for a GPU where Triton is installed, and anywhere under its interpreter.
    """
    return is_installed() and (device.type == "cuda" or is_interpreting())
