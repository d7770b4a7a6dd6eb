"""An LSTM stack run by onnxruntime, where that is installed."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

Array = NDArray[np.float32]

GATES = (0, 3, 1, 2)
"""Where torch's i, f, g, o have the gates that ONNX orders i, o, f, g."""
OPSET, FORMAT = 17, 8
ERRORS_ONLY = 3


def onnx_installed() -> bool:
    """Tell whether models can be built and run."""
    return find_spec("onnx") is not None and find_spec("onnxruntime") is not None


class OnnxLSTM:
    """An LSTM stack as ONNX `LSTM` nodes in an onnxruntime session.

    Args:
        lstm: an `nn.LSTM` whose weights it takes; one direction, with biases.
        threads: threads of the session.
    """

    def __init__(self, lstm: nn.RNNBase, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = ERRORS_ONLY
        # Its threads would go on spinning for a while, at the cost of whoever is measured next.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session = onnxruntime.InferenceSession(
            _model(lstm), options, providers=["CPUExecutionProvider"]
        )
        self._names = [given.name for given in self._session.get_inputs()]
        self._state_shape = (lstm.num_layers, lstm.hidden_size)

    def initial_state(self, batch_size: int) -> list[Array]:
        """Return zeros.

        Args:
            batch_size: rows of the batch.

        Returns:
            Units and memory cells of each layer in turn, `[1, batch, hidden]`.
        """
        layers, hidden = self._state_shape
        return [np.zeros((1, batch_size, hidden), np.float32) for _ in range(2 * layers)]

    def __call__(self, inputs: Array, state: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Run the stack over a sequence.

        Args:
            inputs: `[time, batch, input]`.
            state: as `initial_state` returns it.

        Returns:
            Outputs of the last layer `[time, batch, hidden]` and the final state.
        """
        given = dict(zip(self._names, [inputs, *state], strict=True))
        outputs, *state = self._session.run(None, given)
        return outputs, list(state)


def _model(lstm: nn.RNNBase) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    size = lstm.hidden_size
    weights = [numpy_helper.from_array(np.array([1], np.int64), "direction")]
    nodes: list[Any] = []
    states: list[str] = []
    finals: list[str] = []
    below = "inputs"
    for layer in range(lstm.num_layers):
        for name, array in _weights(lstm, layer).items():
            weights.append(numpy_helper.from_array(array, f"{name}_{layer}"))
        before = [f"hidden_{layer}", f"cell_{layer}"]
        after = [f"final_{name}" for name in before]
        parts = [f"{name}_{layer}" for name in ("weight", "recurrent_weight", "bias")]
        above = "outputs" if layer == lstm.num_layers - 1 else f"outputs_{layer}"
        nodes += [
            helper.make_node(
                "LSTM", [below, *parts, "", *before], [f"all_{layer}", *after], hidden_size=size
            ),
            helper.make_node("Squeeze", [f"all_{layer}", "direction"], [above]),
        ]
        states, finals, below = states + before, finals + after, above

    def value(name: str, shape: list[Any]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "lstm",
        [value("inputs", ["time", "batch", lstm.input_size])]
        + [value(name, [1, "batch", size]) for name in states],
        [value("outputs", ["time", "batch", size])]
        + [value(name, [1, "batch", size]) for name in finals],
        weights,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=FORMAT).SerializeToString()


def _weights(lstm: nn.RNNBase, layer: int) -> dict[str, Array]:
    """Weights of one layer with the leading axis of directions, in ONNX's order of gates."""

    def rows(name: str) -> Array:
        weight = getattr(lstm, f"{name}_l{layer}").detach()
        return np.concatenate([weight.chunk(4)[gate].numpy() for gate in GATES])

    return {
        "weight": rows("weight_ih")[None],
        "recurrent_weight": rows("weight_hh")[None],
        "bias": np.concatenate([rows("bias_ih"), rows("bias_hh")])[None],
    }
