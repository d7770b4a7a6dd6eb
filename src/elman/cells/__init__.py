"""Recurrent cells, one file each, and the table of their names."""

from elman.cells.base import Cell, LinearCell, ReservoirCell
from elman.cells.cho_gru import ChoGRUCell, ChoGRUProjection
from elman.cells.elman import ElmanCell, ElmanState
from elman.cells.gru import GRUCell, GRUState
from elman.cells.irnn import IRNNCell
from elman.cells.jordan import JordanCell, JordanState
from elman.cells.lookup import CELLS, find_cell
from elman.cells.lstm import LSTMCell, LSTMState
from elman.cells.simple_gru import SimpleGRUCell
from elman.cells.wrapped import OuterCell, WrappedCell

__all__ = [
    "CELLS",
    "Cell",
    "ChoGRUCell",
    "ChoGRUProjection",
    "ElmanCell",
    "ElmanState",
    "GRUCell",
    "GRUState",
    "IRNNCell",
    "JordanCell",
    "JordanState",
    "LSTMCell",
    "LSTMState",
    "LinearCell",
    "OuterCell",
    "ReservoirCell",
    "SimpleGRUCell",
    "WrappedCell",
    "find_cell",
]
