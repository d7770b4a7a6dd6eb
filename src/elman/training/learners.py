"""From the options of a training to its learning rule."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from elman.data import Batch
from elman.errors import ConfigError
from elman.learning import (
    BPTT,
    FORCE,
    RTRL,
    UORO,
    BackwardDerivatives,
    ExtendedKalmanFilter,
    Learner,
    RecursiveLeastSquares,
    Ridge,
    SequenceModel,
    SnAp,
    TruncatedBPTT,
    node_groups,
)
from elman.learning.online.learner import OnlineLearner
from elman.training.options import TrainingOptions


def build_learner(
    options: TrainingOptions,
    model: SequenceModel,
    optimizer: torch.optim.Optimizer,
    backward: Callable[[Tensor], None],
    example: Batch,
) -> Learner:
    """Build the learning rule that the options name.

    Args:
        options: how the model is trained.
        model: the model, on its device and in training mode.
        optimizer: what takes the steps of gradient rules.
        backward: what runs their backward passes.
        example: a batch of the training data.

    Returns:
        The rule.

    Raises:
        ConfigError: if the rule cannot serve the model or the data.
    """
    if options.learn == "bptt":
        return BPTT(optimizer, clip=options.clip, backward=backward)
    if not isinstance(example.inputs, Tensor):
        raise ConfigError(
            f"--learn {options.learn} goes along a sequence of inputs, and this task's are no such "
            "sequence: leave it out."
        )
    if options.learn == "tbptt":
        horizon = options.batch_horizon
        return TruncatedBPTT(optimizer, horizon=horizon, clip=options.clip, backward=backward)
    if options.learn in ("rtrl", "snap", "uoro"):
        online = _build_online(options, optimizer, backward)
        online.prepare(model, example.inputs.to(next(iter(model.parameters())).device))
        return online
    if options.learn == "ekf":
        assert isinstance(model, nn.Module)
        groups = node_groups(model)
        rule = ExtendedKalmanFilter(groups, BackwardDerivatives(options.batch_horizon))
        rule.prepare(model, example.to(next(model.parameters()).device))
        return rule
    if options.learn == "ridge":
        return Ridge()
    return RecursiveLeastSquares() if options.learn == "rls" else FORCE()


def _build_online(
    options: TrainingOptions,
    optimizer: torch.optim.Optimizer,
    backward: Callable[[Tensor], None],
) -> OnlineLearner:
    clip, seed = options.clip, options.seed
    if options.learn == "uoro":
        return UORO(optimizer, carried=True, seed=seed, clip=clip, backward=backward)
    rule = RTRL if options.learn == "rtrl" else SnAp
    return rule(optimizer, carried=True, clip=clip, backward=backward)
