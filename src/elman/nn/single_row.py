"""Linear maps of a single row on all threads, for streams."""

import copy
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)

SMALLEST_WEIGHT = 2**18
"""Numbers of a weight matrix below which one thread is as fast as several."""


class SingleRowLinear(nn.Module):
    """A linear map that shares its output features among threads when it maps a single row.

    The product of one row is bound by reading the weights, and the library runs it on one
    thread; as a batch of products with parts of the matrix it runs on all of them.

    Args:
        linear: the map whose weights it uses.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = linear.weight
        self.bias = linear.bias
        parts = torch.get_num_threads()
        self.parts = parts if linear.out_features % parts == 0 else 1

    def forward(self, inputs: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch output"]:
        """Return $W x + b$ for each row of the inputs."""
        if inputs.shape[:-1] != (1,):
            return F.linear(inputs, self.weight, self.bias)
        weights = self.weight.view(self.parts, -1, self.weight.shape[1])
        rows = inputs.expand(self.parts, 1, -1)
        outputs = torch.bmm(rows, weights.transpose(1, 2)).view(1, -1)
        return outputs if self.bias is None else outputs + self.bias


def for_single_rows(module: Module) -> Module:
    """Copy a module for use on single rows; the copy shares the weights.

    Args:
        module: any module, such as an RNN.

    Returns:
        The copy, in which large linear maps use all threads for a single row.
    """
    shared: dict[int, Any] = {id(parameter): parameter for parameter in module.parameters()}
    copied = copy.deepcopy(module, shared)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear) and child.weight.numel() >= SMALLEST_WEIGHT:
                setattr(parent, name, SingleRowLinear(child))
    return copied
