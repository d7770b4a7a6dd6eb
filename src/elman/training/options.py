"""How a model is trained, whatever the task."""

from dataclasses import dataclass
from typing import Literal

from elman.config import Count, Natural, NonNegative, Positive, Rate, Seed, check_ranges
from elman.errors import ConfigError

Rule = Literal["bptt", "tbptt", "rtrl", "snap", "uoro", "ekf", "ridge", "rls", "force"]


@dataclass(frozen=True)
class TrainingOptions:
    """Learning rule, optimiser, schedule and budget; the command line's options of the same names.

    Raises:
        ConfigError: if an option is out of its range or contradicts another.
    """

    learn: Rule = "bptt"
    """bptt, tbptt: backward in time; rtrl, snap, uoro: forward; the others solve for the weights"""
    unroll: Count = 64
    """steps of a batch of the carried stream"""
    stride: Count | None = None
    """all but bptt: steps between updates, k1; the unroll if not given"""
    horizon: Count | None = None
    """tbptt, ekf: steps that gradients reach back, k2; the unroll if not given"""
    batch_size: Count = 32
    """rows learnt side by side"""
    epochs: Count = 10
    """passes over the training data"""
    patience: Count | None = None
    """stop after this many epochs without a better validation loss"""
    optimizer: Literal["sgd", "nesterov", "rmsprop", "adagrad", "adam"] = "adam"
    """optimiser"""
    learning_rate: Positive = 2e-3
    """step size at the schedule's full height"""
    momentum: Rate = 0.9
    """nesterov, adam: decay of the mean gradient"""
    second_momentum: Rate = 0.99
    """rmsprop, adam: decay of the mean squared gradient"""
    weight_decay: NonNegative = 0.0
    """adam: shrink weights by this share of the learning rate each step; else an L2 penalty"""
    clip: Positive = 1.0
    """largest norm of the gradient of the mean loss; larger ones are scaled down; inf for none"""
    schedule: Literal["constant", "cosine", "step", "plateau"] = "cosine"
    """learning rate over time: constant, half a cosine, a factor an epoch, or on a plateau"""
    warmup: Natural = 100
    """steps over which the learning rate rises from 0; at most a tenth of the training"""
    decay: Positive = 0.5
    """step, plateau: the factor"""
    decay_after: Natural = 4
    """step: epochs at the full rate"""
    seed: Seed = 1
    """every random draw follows from it"""
    precision: Literal["32", "bf16"] = "32"
    """numbers of the products: 32 bits, or bfloat16 with 32-bit sums"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """where to compute"""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.decay > 1:
            raise ConfigError(f"--decay must be at most 1, got {self.decay}.")
        if self.stride and self.learn == "bptt":
            raise ConfigError("--stride: bptt learns whole sequences; leave it out, or use tbptt.")
        if self.horizon and self.learn not in ("tbptt", "ekf"):
            raise ConfigError(
                f"--horizon: {self.learn} has none; leave it out, or use --learn tbptt or ekf."
            )
        if self.batch_stride > self.batch_horizon:
            raise ConfigError(
                f"--stride {self.batch_stride} must not exceed --horizon {self.batch_horizon}: "
                "truncated BPTT(k1, k2) needs k1 <= k2."
            )
        if self.precision == "bf16" and self.learn not in ("bptt", "tbptt"):
            raise ConfigError(
                f"--precision bf16: {self.learn} adds up small numbers over many steps and needs "
                "--precision 32."
            )

    @property
    def batch_stride(self) -> int:
        """Steps between updates, k1."""
        return self.stride or self.unroll

    @property
    def batch_horizon(self) -> int:
        """Steps that gradients reach back, k2."""
        return self.horizon or max(self.unroll, self.batch_stride)
