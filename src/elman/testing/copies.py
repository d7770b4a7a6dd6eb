"""Laws of cells as objects: saved, copied, resized, repeated by seed."""

import contextlib
import copy
import io
import pickle

import torch

from elman.engine import unroll
from elman.testing.sample import Make, draw, require, require_equal


def check_save_and_load(make: Make) -> None:
    """A new cell that loads the saved weights gives the same numbers.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    file = io.BytesIO()
    torch.save(cell.state_dict(), file)
    file.seek(0)
    fresh = make().double().eval()
    fresh.load_state_dict(torch.load(file, weights_only=True))
    require_equal(
        unroll(fresh, inputs, state),
        unroll(cell, inputs, state),
        "A new cell that loads the saved state_dict must give the same numbers.",
    )


def check_copies(make: Make) -> None:
    """Deep and pickled copies give the same numbers and share nothing.

    Args:
        make: builds a new cell of a class that pickle can find, one defined in a module.
    """
    cell, inputs, state = draw(make)
    expected = unroll(cell, inputs, state)
    copies = [copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))]
    addresses = {parameter.data_ptr() for parameter in cell.parameters()}
    for duplicate in copies:
        require_equal(unroll(duplicate, inputs, state), expected, "A copy must act alike.")
        require(
            addresses.isdisjoint(parameter.data_ptr() for parameter in duplicate.parameters()),
            "A copy must have its own weights.",
        )
        require(type(duplicate.resized(cell.input_size)) is type(cell), "A copy must be resizable.")


def check_resized(make: Make) -> None:
    """`resized` builds a sibling with its own weights, for inputs of the size asked for.

    Args:
        make: builds a new cell.
    """
    cell = make().double()
    twin = cell.resized(cell.input_size)
    shapes = {name: weight.shape for name, weight in cell.state_dict().items()}
    require(
        type(twin) is type(cell)
        and twin.output_size == cell.output_size
        and shapes == {name: weight.shape for name, weight in twin.state_dict().items()},
        "resized to the same input size must give the same class, settings and shapes.",
    )
    addresses = {parameter.data_ptr() for parameter in cell.parameters()}
    require(
        addresses.isdisjoint(parameter.data_ptr() for parameter in twin.parameters()),
        "resized must give new weights.",
    )
    # A cell whose sizes are tied together refuses, as a residual one does.
    with contextlib.suppress(ValueError):
        wider = cell.resized(cell.input_size + 2)
        inputs = torch.zeros(2, 1, cell.input_size + 2, dtype=torch.float64)
        require(
            wider.input_size == cell.input_size + 2
            and unroll(wider, inputs)[0].shape == (2, 1, wider.output_size),
            "resized must give a cell for inputs of the size asked for.",
        )


def check_seed(make: Make) -> None:
    """Training is random by the seed alone, evaluation not at all.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    require_equal(
        unroll(cell, inputs, state),
        unroll(cell, inputs, state),
        "In evaluation, a cell must give the same numbers each time.",
    )
    cell.train()
    runs = []
    with torch.random.fork_rng(devices=[]):
        for _ in range(2):
            torch.manual_seed(1)
            runs.append(unroll(cell, inputs, state))
    require_equal(runs[0], runs[1], "In training, the seed must determine the numbers.")
