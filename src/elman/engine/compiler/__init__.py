"""The cell compiler: from a cell's step to a flat program, its derivative and its schedule."""
