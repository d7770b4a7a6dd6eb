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

    Where gradients are recorded, and for several rows, it is `nn.Linear`. The product of one row
    is bound by reading the weights, and the library runs it on one thread; as a batch of products
    with parts of the matrix it runs on all of them.

    Args:
        linear: the map whose weights it uses.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = linear.weight
        self.bias = linear.bias
        threads = torch.get_num_threads()
        self.parts = threads if linear.out_features % threads == 0 else 1
        # Not a buffer: another view of the weights, made once for all steps of a stream.
        parts = linear.weight.detach().view(self.parts, -1, linear.in_features)
        self.columns = parts.transpose(1, 2)

    def forward(self, inputs: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch output"]:
        """Return $W x + b$ for each row.

        Args:
            inputs: rows of features.

        Returns:
            As many rows of output features.
        """
        if inputs.shape[:-1] != (1,) or torch.is_grad_enabled():
            return F.linear(inputs, self.weight, self.bias)
        outputs = torch.bmm(inputs.expand(self.parts, 1, -1), self.columns).view(1, -1)
        bias = self.bias
        return outputs if bias is None else outputs + bias


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
