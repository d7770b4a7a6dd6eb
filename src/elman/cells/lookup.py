"""Finding a cell class by the name a person gives."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from elman.cells.base import Cell
from elman.cells.child_sum_tree_lstm import ChildSumTreeLSTMCell
from elman.cells.cho_gru import ChoGRUCell
from elman.cells.clockwork import ClockworkCell
from elman.cells.constituency_tree_lstm import ConstituencyTreeLSTMCell
from elman.cells.coupled_lstm import CoupledLSTMCell
from elman.cells.echo_state import EchoStateCell
from elman.cells.elman import ElmanCell
from elman.cells.gru import GRUCell
from elman.cells.higher_order import HigherOrderCell
from elman.cells.irnn import IRNNCell
from elman.cells.jordan import JordanCell
from elman.cells.layer_norm_gru import LayerNormGRUCell
from elman.cells.layer_norm_lstm import LayerNormLSTMCell
from elman.cells.lru import LRUCell
from elman.cells.lstm import LSTMCell
from elman.cells.min_gru import MinGRUCell
from elman.cells.min_lstm import MinLSTMCell
from elman.cells.minimal_gated import MinimalGatedCell
from elman.cells.peephole_lstm import PeepholeLSTMCell
from elman.cells.recursive import RecursiveCell
from elman.cells.rntn import RNTNCell
from elman.cells.simple_gru import SimpleGRUCell
from elman.cells.slstm import SLSTMCell
from elman.cells.sru import SRUCell
from elman.cells.tree import TreeCell
from elman.errors import ConfigError

CELLS: dict[str, type[Cell[Any]]] = {
    "elman": ElmanCell,
    "jordan": JordanCell,
    "irnn": IRNNCell,
    "higher-order": HigherOrderCell,
    "clockwork": ClockworkCell,
    "echo-state": EchoStateCell,
    "lstm": LSTMCell,
    "peephole-lstm": PeepholeLSTMCell,
    "coupled-lstm": CoupledLSTMCell,
    "layer-norm-lstm": LayerNormLSTMCell,
    "slstm": SLSTMCell,
    "min-lstm": MinLSTMCell,
    "gru": GRUCell,
    "cho-gru": ChoGRUCell,
    "simple-gru": SimpleGRUCell,
    "layer-norm-gru": LayerNormGRUCell,
    "minimal-gated": MinimalGatedCell,
    "min-gru": MinGRUCell,
    "sru": SRUCell,
    "lru": LRUCell,
}
"""The cells of the package by the names the command line knows them by."""

TREE_CELLS: dict[str, type[TreeCell[Any]]] = {
    "recursive": RecursiveCell,
    "rntn": RNTNCell,
    "child-sum-tree-lstm": ChildSumTreeLSTMCell,
    "constituency-tree-lstm": ConstituencyTreeLSTMCell,
}
"""The cells that run over trees, by the names the command line knows them by."""


def find_cell(name: str) -> type[Cell[Any]]:
    """Find a cell class.

    Args:
        name: a key of `CELLS`, or `module:Class` for a class of one's own that Python can
            import.

    Returns:
        The class.

    Raises:
        ConfigError: if there is none of that name, or it is not a `Cell`.
    """
    return _find(name, CELLS, Cell)


def find_tree_cell(name: str) -> type[TreeCell[Any]]:
    """Find a class of cells that run over trees.

    Args:
        name: a key of `TREE_CELLS`, or `module:Class`, as in `find_cell`.

    Returns:
        The class.

    Raises:
        ConfigError: if there is none of that name, or it is not a `TreeCell`.
    """
    return _find(name, TREE_CELLS, TreeCell)


def _find(name: str, table: Mapping[str, Any], base: type) -> Any:
    if name in table:
        return table[name]
    module, _, attribute = name.partition(":")
    if not attribute:
        raise ConfigError(
            f"unknown cell {name!r}: known are {', '.join(table)}, or give module:Class."
        )
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"cell {name!r} cannot be imported: {error}.") from None
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ConfigError(f"cell {name!r} is not a class derived from elman.{base.__name__}.")
    return found
