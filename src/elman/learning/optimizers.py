"""The optimisers by name, from torch.optim."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn

OptimizerName = Literal["sgd", "nesterov", "rmsprop", "adagrad", "adam"]


def build_optimizer(
    name: OptimizerName,
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float,
    momentum: float = 0.9,
    second_momentum: float = 0.99,
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """Build an optimiser.

    Args:
        name: `sgd` without momentum; `nesterov`, SGD with Nesterov momentum; `rmsprop`;
            `adagrad`, whose steps shrink where gradients have been large; `adam` with decoupled
            weight decay.
        parameters: the parameters to learn.
        learning_rate: above 0.
        momentum: decay of the mean gradient (`nesterov`, `adam`), in [0, 1).
        second_momentum: decay of the mean squared gradient (`rmsprop`, `adam`), in [0, 1).
        weight_decay: from 0; with `adam` the share of the learning rate by which weights
            shrink a step, else the share of the weights added to the gradient.

    Returns:
        The optimiser.

    Reference:
        Nesterov momentum: Sutskever et al. 2013, equations 3 and 4. RMSProp: Hinton 2012,
        lecture 6e. Adagrad: Duchi, Hazan & Singer 2011, "Adaptive subgradient methods", with
        diagonal matrices. Adam: Kingma & Ba 2015, algorithm 1, with the weight decay of
        Loshchilov & Hutter 2019, algorithm 2.
    """
    weights = list(parameters)
    if name == "adam":
        return torch.optim.AdamW(
            weights,
            lr=learning_rate,
            betas=(momentum, second_momentum),
            weight_decay=weight_decay,
            fused=True,
        )
    if name == "rmsprop":
        return torch.optim.RMSprop(
            weights, lr=learning_rate, alpha=second_momentum, weight_decay=weight_decay
        )
    if name == "adagrad":
        on_cpu = all(weight.device.type == "cpu" for weight in weights)
        return torch.optim.Adagrad(
            weights,
            lr=learning_rate,
            weight_decay=weight_decay,
            fused=on_cpu or None,  # ten times faster, and for the CPU alone
        )
    return torch.optim.SGD(
        weights,
        lr=learning_rate,
        momentum=momentum if name == "nesterov" else 0.0,
        nesterov=name == "nesterov",
        weight_decay=weight_decay,
        fused=True,
    )
