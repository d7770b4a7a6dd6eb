"""Public data sets: from their original files to files that tasks read."""

from elman.data.prepare.data_sets import DATA_SETS
from elman.data.prepare.item import DataSet, Item
from elman.data.prepare.write import Prepared, prepare

__all__ = ["DATA_SETS", "DataSet", "Item", "Prepared", "prepare"]
