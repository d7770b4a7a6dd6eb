"""Every cell of the table obeys the laws, and so do those that are not in it."""

from torch import nn

from elman.cells import CELLS, ClockworkCell, ClosedLoopCell, EchoStateCell, SLSTMCell
from elman.testing import parametrize_cells

VARIANTS = {
    "clockwork-slow": lambda: ClockworkCell(3, 4, periods=(2, 3)),
    "slstm-heads": lambda: SLSTMCell(3, 4, heads=2),
    "closed-loop": lambda: ClosedLoopCell(EchoStateCell(3, 4, feedback_size=2), nn.Linear(4, 2)),
    "closed-clockwork": lambda: ClosedLoopCell(ClockworkCell(3, 4), nn.Linear(4 + 3, 1)),
}


@parametrize_cells({name: lambda cell=cell: cell(3, 4) for name, cell in CELLS.items()} | VARIANTS)
def test_cell_obeys_the_law(make, check):
    check(make)
