"""Looking inside a neural language model: gradients through time, positions, units."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from elman.data import Tokenizer
from elman.metrics import mean_loss_by_position
from elman.nn.jacobian import JacobianTrace, trace_jacobian
from elman.state import tensors
from elman.tasks.language_model.model import LanguageModel, NeuralLanguageModel

WINDOWS = 256
"""Windows of text that gradients and positions are averaged over, at most."""


def gradient_by_lag(
    model: NeuralLanguageModel, windows: Integer[np.ndarray, "batch time"]
) -> Float[np.ndarray, " lags"]:
    r"""Measure how far back the loss of one step reaches.

    $$ g(k) = \left\| \partial L_T / \partial x_{T-k} \right\| $$

    averaged over windows, where x are the token vectors that enter the network.

    Args:
        model: the model.
        windows: token ids; the last of each window is the target of L_T.

    Returns:
        Mean norms at lags 0, 1, ... up to the window's length less 2.

    Reference:
        Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural
        networks", section 2.
    """
    ids = _on_device(windows.T, model)  # [time, batch]
    entered: list[Tensor] = []

    def note(module: torch.nn.Module, inputs: object, output: Tensor) -> Tensor:
        entered.append(output.detach().requires_grad_())
        return entered[0]

    model.eval()
    handle = model.embedding.register_forward_hook(note)
    try:
        features, _ = model(ids[:-1], model.initial_state(ids.shape[1]))
    finally:
        handle.remove()
    last = model.softmax.target_log_probs(features[-1:], ids[-1:])
    (gradient,) = torch.autograd.grad(last.sum(), entered)
    norms = gradient.norm(dim=-1)[1 - len(ids) :]  # [time, batch], without an mlp's empty past
    return norms.double().mean(dim=1).flip(0).cpu().numpy()


def jacobians(
    model: NeuralLanguageModel, ids: Integer[np.ndarray, " time"], count: int
) -> JacobianTrace:
    """Follow the recurrent Jacobian while a text is read.

    Args:
        model: the model, a recurrent one.
        ids: the text.
        count: time steps at which to take it; see `trace_jacobian`.

    Returns:
        Its spectral radius and its singular values.
    """
    model.eval()
    inputs = _on_device(ids, model).unsqueeze(1)
    trace = trace_jacobian(model, inputs, model.initial_state(1), count=count)
    return JacobianTrace(trace.steps, *(part.cpu() for part in trace[1:]))


def loss_by_position(
    model: LanguageModel, windows: Integer[np.ndarray, "batch time"], boundary: int
) -> Float[np.ndarray, " time"]:
    """Measure the loss at each position after a fresh start.

    Args:
        model: the model.
        windows: token ids, each row read from a fresh start.
        boundary: the token fed before each.

    Returns:
        Mean nats at positions 0, 1, ...
    """
    ids = _on_device(windows.T, model)  # [time, batch]
    first = torch.full_like(ids[:1], boundary)
    with torch.inference_mode():
        state = model.initial_state(ids.shape[1])
        log_probs, _ = model.target_log_probs(torch.cat([first, ids[:-1]]), ids, state)
    losses = -log_probs.double().cpu().numpy()
    positions = np.repeat(np.arange(losses.shape[0]), losses.shape[1])
    means, _ = mean_loss_by_position(losses.ravel(), positions)
    return means


class UnitActivations(NamedTuple):
    """Activations of the last layer's units while a text is read.

    Args:
        tokens: the tokens read, printable.
        activations: `[time, units]`.
        units: which units these are.
    """

    tokens: list[str]
    activations: Float[np.ndarray, "time units"]
    units: list[int]


def unit_activations(
    model: NeuralLanguageModel,
    tokenizer: Tokenizer,
    ids: Integer[np.ndarray, " time"],
    count: int,
) -> UnitActivations:
    """Read a text and watch single units.

    Args:
        model: the model.
        tokenizer: its tokeniser.
        ids: the text.
        count: units to watch: those that change most slowly for how much they change, which
            are the ones that follow something longer than a token.

    Returns:
        Their activations after each token.

    Reference:
        Karpathy, Johnson & Li 2015, "Visualizing and understanding recurrent networks",
        section 4.2.
    """
    inputs = _on_device(ids, model).unsqueeze(1)
    model.eval()
    with torch.inference_mode():
        features, _ = model(inputs, model.initial_state(1))
    activations = features[:, 0].double().cpu().numpy()
    spread = activations.std(axis=0)
    jitter = np.abs(np.diff(activations, axis=0)).mean(axis=0)
    units = np.argsort(jitter / np.maximum(spread, 1e-12) + (spread < 0.1))[:count]
    tokens = [tokenizer.decode([int(id)]) or tokenizer.token(int(id)) for id in ids]
    return UnitActivations(tokens, activations[:, units], units.tolist())


def cut_windows(
    ids: Integer[np.ndarray, " time"], length: int
) -> Integer[np.ndarray, "batch time"]:
    """Cut a text into windows of equal length, spread over all of it.

    Args:
        ids: the text.
        length: tokens of a window, at most those of the text.

    Returns:
        Up to `WINDOWS` rows.
    """
    count = max(1, min(WINDOWS, len(ids) // length))
    starts = np.linspace(0, len(ids) - length, count).astype(np.int64)
    return ids[starts[:, None] + np.arange(length)]


def _on_device(ids: Integer[np.ndarray, "*shape"], model: LanguageModel) -> Int[Tensor, "*shape"]:
    device = next(tensors(model.initial_state(1))).device
    return torch.from_numpy(ids.astype(np.int64)).to(device)
