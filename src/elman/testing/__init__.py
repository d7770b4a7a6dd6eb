"""Public conformance checks: does a cell of one's own obey the laws?"""

from elman.testing.check_cell import CELL_CHECKS, CellCheck, check_cell, parametrize_cells

__all__ = ["CELL_CHECKS", "CellCheck", "check_cell", "parametrize_cells"]
