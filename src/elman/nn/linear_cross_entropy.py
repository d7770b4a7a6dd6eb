"""Cross-entropy of a linear layer, without keeping the logits of a whole batch.

The products with the weight matrix are the floor of what an output layer costs. `F.cross_entropy`
after `F.linear` adds several passes over a matrix of rows x vocabulary, each in fresh memory.
Here the logits of some rows live in one reused buffer, become probabilities and then their own
gradient in place, and the products with them follow at once; the backward pass only scales.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd import forward_ad

# Few large products beat many that fit the cache: each one repacks the weight matrix.
BUFFER_BYTES = 64 * 2**20
MINIMUM_ROWS = 128
# Below this the calls cost more than the passes they save.
MINIMUM_LOGITS = 2**19

_spare_buffers: dict[torch.dtype, Tensor] = {}


def linear_cross_entropy(
    features: Float[Tensor, "rows input"],
    targets: Int[Tensor, " rows"],
    weight: Float[Tensor, "vocab input"],
    bias: Float[Tensor, " vocab"],
) -> Float[Tensor, ""]:
    """Return the mean negative log-likelihood of `targets` under `softmax(W x + b)`, in nats.

    Equals `F.cross_entropy(F.linear(features, weight, bias), targets)`. Whatever the fused form
    cannot do (second derivatives, `torch.func`, forward mode, `torch.compile`, autocast, other
    devices and dtypes) is computed by that definition.

    Args:
        features: one row a prediction.
        targets: ids in [0, vocab).
        weight: one row a word.
        bias: one number a word.

    Returns:
        The mean over rows.
    """
    if not fused_applies(features, weight, bias):
        return F.cross_entropy(F.linear(features, weight, bias), targets)
    if _wants_gradients(features, weight, bias):
        return _LinearCrossEntropy.apply(features, targets, weight, bias)
    return -target_log_probs(features, targets, weight, bias).mean()


def target_log_probs(
    features: Float[Tensor, "rows input"],
    targets: Int[Tensor, " rows"],
    weight: Float[Tensor, "vocab input"],
    bias: Float[Tensor, " vocab"],
) -> Float[Tensor, " rows"]:
    """Return the log-probability of each target in nats, holding the logits of a few rows only.

    Args:
        features: one row a prediction.
        targets: ids in [0, vocab).
        weight: one row a word.
        bias: one number a word.

    Returns:
        One log-probability a row.
    """
    if _wants_gradients(features, weight, bias) or not fused_applies(features, weight, bias):
        return _log_probs_by_definition(features, targets, weight, bias)
    result = features.new_empty(len(features))
    chunk_rows = _rows_in_a_chunk(features, weight)
    buffer = _take_buffer(chunk_rows * len(weight), features.dtype)
    for start in range(0, len(features), chunk_rows):
        rows = slice(start, start + chunk_rows)
        logits = _logits(features[rows], weight, bias, buffer)
        torch.log_softmax(logits, -1, out=logits)
        torch.gather(logits, 1, targets[rows, None], out=result[rows, None])
    _spare_buffers[features.dtype] = buffer
    return result


def fused_applies(features: Tensor, weight: Tensor, bias: Tensor) -> bool:
    """Return whether the fused form is right and pays: plain CPU tensors, enough logits.

    Args:
        features: one row a prediction.
        weight: one row a word.
        bias: one number a word.

    Returns:
        False where only the definition gives every derivative, or is faster.
    """
    if is_transformed() or forward_ad._current_level >= 0 or torch.is_autocast_enabled("cpu"):
        return False
    if len(features) * len(weight) < MINIMUM_LOGITS:
        return False
    dtype = features.dtype
    return dtype in (torch.float32, torch.float64) and all(
        type(t) in (Tensor, nn.Parameter) and t.dtype == dtype and t.device.type == "cpu"
        for t in (features, weight, bias)
    )


def is_transformed() -> bool:
    """Return whether `torch.compile` or a transform of `torch.func` runs the code."""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()


def _wants_gradients(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


class _LinearCrossEntropy(torch.autograd.Function):
    """Computes the gradients together with the loss: they need the same probabilities."""

    @staticmethod
    def forward(ctx, features, targets, weight, bias):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(features, targets, weight, bias)
        loss, ctx.gradients = _loss_and_gradients(
            features, targets, weight, bias, ctx.needs_input_grad
        )
        return loss

    @staticmethod
    def backward(ctx, loss_gradient):  # type: ignore[no-untyped-def]
        batched = torch._C._functorch.is_legacy_batchedtensor(loss_gradient)
        if batched or torch.is_grad_enabled() or is_transformed():
            return _gradients_by_definition(ctx, loss_gradient)
        # Handed over, not kept: autograd makes a gradient nobody else holds `.grad` as it is,
        # and copies any other. Another pass through a retained graph computes them again.
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:
            features, targets, weight, bias = ctx.saved_tensors
            _, gradients = _loss_and_gradients(
                features, targets, weight, bias, ctx.needs_input_grad
            )
        scale = loss_gradient.item()
        if scale != 1.0:
            for gradient in gradients:
                if gradient is not None:
                    gradient.mul_(scale)
        return gradients


def _loss_and_gradients(
    features: Tensor, targets: Tensor, weight: Tensor, bias: Tensor, wanted: Sequence[bool]
) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    """Return the loss and, in the order of the arguments, the wanted gradients."""
    features_gradient, _, weight_gradient, bias_gradient = gradients = tuple(
        torch.empty_like(tensor) if want else None
        for tensor, want in zip((features, targets, weight, bias), wanted, strict=True)
    )
    mean = 1.0 / len(features)
    chunk_rows = _rows_in_a_chunk(features, weight)
    buffer = _take_buffer(chunk_rows * len(weight), features.dtype)
    log_probs = features.new_empty(len(features))
    ones = features.new_ones(chunk_rows)
    for start in range(0, len(features), chunk_rows):
        rows = slice(start, start + chunk_rows)
        inputs, words = features[rows], targets[rows, None]
        probs = _logits(inputs, weight, bias, buffer)
        torch.softmax(probs, -1, out=probs)
        target_probs = probs.gather(1, words)
        torch.log(target_probs.squeeze(1), out=log_probs[rows])
        # The gradient of the logits is softmax minus one-hot; it takes the softmax's place.
        logits_gradient = probs.scatter_(1, words, target_probs - 1)
        keep = 0 if start == 0 else 1
        if features_gradient is not None:
            features_gradient[rows].addmm_(logits_gradient, weight, beta=0, alpha=mean)
        if weight_gradient is not None:
            weight_gradient.addmm_(logits_gradient.T, inputs, beta=keep, alpha=mean)
        if bias_gradient is not None:
            bias_gradient.addmv_(logits_gradient.T, ones[: len(inputs)], beta=keep, alpha=mean)
    _spare_buffers[features.dtype] = buffer
    # A probability near the smallest number has lost its digits; its logarithm has not.
    tiny = log_probs < 0.8 * math.log(torch.finfo(log_probs.dtype).tiny)
    if tiny.any():
        log_probs[tiny] = _log_probs_by_definition(features[tiny], targets[tiny], weight, bias)
    return -log_probs.mean(), gradients


def _logits(inputs: Tensor, weight: Tensor, bias: Tensor, buffer: Tensor) -> Tensor:
    rows, words = len(inputs), len(weight)
    return torch.addmm(bias, inputs, weight.T, out=buffer[: rows * words].view(rows, words))


def _rows_in_a_chunk(features: Tensor, weight: Tensor) -> int:
    """Return how many rows go through the buffer at once, in chunks of nearly one size."""
    limit = max(MINIMUM_ROWS, BUFFER_BYTES // (len(weight) * weight.element_size()))
    chunks = max(1, math.ceil(len(features) / limit))
    return math.ceil(len(features) / chunks)


def _take_buffer(size: int, dtype: torch.dtype) -> Tensor:
    """Return at least `size` numbers of scratch, from the last call where that left enough."""
    # `pop` hands the buffer to one thread; a second thread allocates its own.
    buffer = _spare_buffers.pop(dtype, None)
    if buffer is None or len(buffer) < size:
        with torch.inference_mode(False):
            buffer = torch.empty(size, dtype=dtype)
    return buffer


def _gradients_by_definition(ctx, loss_gradient):  # type: ignore[no-untyped-def]
    """Return the gradients through plain operations, which can be differentiated again."""
    inputs = ctx.saved_tensors
    features, targets, weight, bias = inputs
    with torch.enable_grad():
        loss = F.cross_entropy(F.linear(features, weight, bias), targets)
    found = iter(
        torch.autograd.grad(
            loss,
            [tensor for tensor, want in zip(inputs, ctx.needs_input_grad, strict=True) if want],
            loss_gradient,
            create_graph=torch.is_grad_enabled(),
        )
    )
    return tuple(next(found) if want else None for want in ctx.needs_input_grad)


def _log_probs_by_definition(
    features: Tensor, targets: Tensor, weight: Tensor, bias: Tensor
) -> Tensor:
    return -F.cross_entropy(F.linear(features, weight, bias), targets, reduction="none")
