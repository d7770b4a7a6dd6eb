"""Cells by their names, and a class of one's own by its place."""

import pytest

from elman.cells import CELLS, GRUCell, find_cell
from elman.errors import ConfigError


@pytest.mark.parametrize("name", CELLS)
def test_a_name_of_the_table_is_its_class(name):
    assert find_cell(name) is CELLS[name]


def test_a_place_is_imported():
    assert find_cell("elman.cells.gru:GRUCell") is GRUCell


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lstn", r"unknown cell 'lstn': known are elman, .*lru, or give module:Class\."),
        ("no_such_module:Cell", "cannot be imported: No module named 'no_such_module'"),
        ("elman.cells.gru:NoSuchCell", "cannot be imported: .* no attribute 'NoSuchCell'"),
        ("elman.cells.gru:GRUState", "not a class derived from elman.Cell"),
        ("elman.cells.lookup:find_cell", "not a class derived from elman.Cell"),
    ],
)
def test_what_cannot_be_found_is_named(name, message):
    with pytest.raises(ConfigError, match=message):
        find_cell(name)
