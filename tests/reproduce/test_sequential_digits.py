import sys

import pytest
import torch

from elman.cells import CELLS
from elman.errors import MissingExtraError
from elman.reproduce import sequential_digits
from elman.reproduce.classifier import NO_TARGET
from elman.reproduce.sequential_digits import Digits, learn_to_read, load_digits


@pytest.fixture
def digits():
    """Pictures whose label is the row of eight that is lit."""
    labels = torch.arange(160) % 8
    pixels = torch.zeros(160, 8, 8)
    pixels[torch.arange(160), labels] = 1
    return Digits(pixels.flatten(1), labels)


def test_a_picture_is_read_row_after_row(digits):
    by_row, by_pixel = digits.sequences(8), digits.sequences(1)
    assert by_row.inputs.shape == (8, 160, 8)
    assert by_pixel.inputs.shape == (64, 160, 1)
    for place in (0, 3, 13):
        lit = place % 8
        assert by_row.inputs[:, place].sum(1).nonzero().flatten().tolist() == [lit]
        steps = by_pixel.inputs[:, place, 0].nonzero().flatten().tolist()
        assert steps == list(range(8 * lit, 8 * lit + 8))
        assert by_row.targets[:, place].tolist() == [NO_TARGET] * 7 + [lit]


@pytest.mark.parametrize("name", ["lstm", "echo-state"])
def test_a_cell_learns_to_tell_rows(digits, monkeypatch, name):
    monkeypatch.setattr(sequential_digits, "UPDATES", 60)
    torch.manual_seed(1)
    assert learn_to_read(name, 8, digits, seed=1) > 0.9


def test_every_cell_has_both_rows():
    names = {row.name for row in sequential_digits.EXPERIMENT.rows}
    assert names == {f"{cell}, by {way}" for cell in CELLS for way in ("pixel", "row")}


def test_the_digits_of_scikit_learn():
    pytest.importorskip("sklearn")
    pixels, labels = load_digits()
    assert pixels.shape == (1797, 64)
    assert float(pixels.min()) == 0
    assert float(pixels.max()) == 1
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'elman\[baselines\]'"):
        load_digits()
