"""Recurrent cells, one file each, and the table of their names."""

from elman.cells.base import Cell, ClockedCell, LinearCell, ReservoirCell
from elman.cells.child_sum_tree_lstm import ChildSumTreeLSTMCell
from elman.cells.cho_gru import ChoGRUCell, ChoGRUProjection
from elman.cells.clockwork import ClockworkCell, ClockworkState
from elman.cells.closed_loop import ClosedLoopCell, ClosedLoopState
from elman.cells.constituency_tree_lstm import ConstituencyTreeLSTMCell
from elman.cells.coupled_lstm import CoupledLSTMCell
from elman.cells.echo_state import EchoState, EchoStateCell
from elman.cells.elman import ElmanCell, ElmanState
from elman.cells.gru import GRUCell, GRUState
from elman.cells.higher_order import HigherOrderCell, HigherOrderState
from elman.cells.irnn import IRNNCell
from elman.cells.jordan import JordanCell, JordanState
from elman.cells.layer_norm_gru import LayerNormGRUCell
from elman.cells.layer_norm_lstm import LayerNormLSTMCell
from elman.cells.lookup import CELLS, TREE_CELLS, find_cell, find_tree_cell
from elman.cells.lru import LRUCell, LRUProjection, LRUState
from elman.cells.lstm import LSTMCell, LSTMState
from elman.cells.min_gru import MinGRUCell
from elman.cells.min_lstm import MinLSTMCell
from elman.cells.minimal_gated import MinimalGatedCell, MinimalGatedProjection
from elman.cells.peephole_lstm import PeepholeLSTMCell
from elman.cells.radius import spectral_radius
from elman.cells.recursive import RecursiveCell, RecursiveState
from elman.cells.rntn import RNTNCell
from elman.cells.simple_gru import SimpleGRUCell
from elman.cells.slstm import SLSTMCell, SLSTMState
from elman.cells.sparse_map import SparseMap
from elman.cells.sru import SRUCell, SRUProjection, SRUState
from elman.cells.tree import TreeCell
from elman.cells.wrapped import OuterCell, WrappedCell

__all__ = [
    "CELLS",
    "TREE_CELLS",
    "Cell",
    "ChildSumTreeLSTMCell",
    "ChoGRUCell",
    "ChoGRUProjection",
    "ClockedCell",
    "ClockworkCell",
    "ClockworkState",
    "ClosedLoopCell",
    "ClosedLoopState",
    "ConstituencyTreeLSTMCell",
    "CoupledLSTMCell",
    "EchoState",
    "EchoStateCell",
    "ElmanCell",
    "ElmanState",
    "GRUCell",
    "GRUState",
    "HigherOrderCell",
    "HigherOrderState",
    "IRNNCell",
    "JordanCell",
    "JordanState",
    "LRUCell",
    "LRUProjection",
    "LRUState",
    "LSTMCell",
    "LSTMState",
    "LayerNormGRUCell",
    "LayerNormLSTMCell",
    "LinearCell",
    "MinGRUCell",
    "MinLSTMCell",
    "MinimalGatedCell",
    "MinimalGatedProjection",
    "OuterCell",
    "PeepholeLSTMCell",
    "RNTNCell",
    "RecursiveCell",
    "RecursiveState",
    "ReservoirCell",
    "SLSTMCell",
    "SLSTMState",
    "SRUCell",
    "SRUProjection",
    "SRUState",
    "SimpleGRUCell",
    "SparseMap",
    "TreeCell",
    "WrappedCell",
    "find_cell",
    "find_tree_cell",
    "spectral_radius",
]
