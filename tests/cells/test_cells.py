"""Every cell of the table obeys the laws."""

from elman.cells import CELLS
from elman.testing import parametrize_cells


@parametrize_cells({name: lambda cell=cell: cell(3, 4) for name, cell in CELLS.items()})
def test_cell_obeys_the_law(make, check):
    check(make)
