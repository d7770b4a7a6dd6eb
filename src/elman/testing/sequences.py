"""Laws of `unroll`: steps, resets, lengths, direction."""

from itertools import pairwise

import torch

from elman.engine import unroll
from elman.state import select
from elman.testing.sample import BATCH, TIME, Make, draw, require_equal, run_rows, run_steps


def check_steps(make: Make) -> None:
    """Unrolling equals stepping, from the given and from the initial state.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    law = "Unrolling must equal projecting and stepping one time step after the other."
    require_equal(unroll(cell, inputs, state), run_steps(cell, inputs, state), law)
    initial = cell.initial_state(BATCH)
    require_equal(unroll(cell, inputs), run_steps(cell, inputs, initial), law)
    with torch.no_grad():
        require_equal(unroll(cell, inputs, state), run_steps(cell, inputs, state), law)


def check_resets(make: Make) -> None:
    """A reset row goes on as if the sequence started there.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    resets_at: tuple[list[int], ...] = ([0, 2], [TIME - 1], [])
    resets = torch.zeros(TIME, BATCH, dtype=torch.bool)
    for row, steps in enumerate(resets_at):
        resets[steps, row] = True
    outputs, final = unroll(cell, inputs, state, resets=resets)
    for row, steps in enumerate(resets_at):
        alone = torch.tensor([row])
        after = select(state, alone)
        pieces = []
        for begin, end in pairwise(sorted({0, *steps, TIME})):
            before = cell.initial_state(1) if begin in steps else after
            piece, after = run_steps(cell, inputs[begin:end, alone], before)
            pieces.append(piece)
        require_equal(
            (outputs[:, alone], select(final, alone)),
            (torch.cat(pieces), after),
            "A reset must make the row's state the initial state before that step, "
            "and act on no other row.",
        )


def check_lengths(make: Make) -> None:
    """A row with a length gives what its valid steps alone give.

    Args:
        make: builds a new cell.
    """
    sample = draw(make)
    for lengths in ([0, 1, TIME], [TIME, 1, 2]):
        require_equal(
            unroll(*sample, lengths=torch.tensor(lengths)),
            run_rows(sample, lengths),
            "Lengths must act as shorter sequences: outputs beyond a length are zero, the final "
            f"state is the one after the last valid step (lengths {lengths}).",
        )


def check_reverse(make: Make) -> None:
    """Reversed, each row runs from its last valid step to its first.

    Args:
        make: builds a new cell.
    """
    sample = draw(make)
    law = "Reversed unrolling must go from each row's last valid step to its first"
    require_equal(
        unroll(*sample, reverse=True), run_rows(sample, [TIME] * BATCH, reverse=True), f"{law}."
    )
    for lengths in ([0, 1, TIME], [TIME, 1, 2]):
        require_equal(
            unroll(*sample, lengths=torch.tensor(lengths), reverse=True),
            run_rows(sample, lengths, reverse=True),
            f"{law} (lengths {lengths}).",
        )
