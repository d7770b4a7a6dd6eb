"""Settings of a cell that have one value, or one for each row of the batch."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Setting = float | Float[Tensor, " rows"]
"""One value, or one for each row of the batch."""

Factor = float | Float[Tensor, "rows 1"]
"""What a setting of either kind is multiplied as."""


def count_rows(owner: str, settings: Mapping[str, Setting]) -> int | None:
    """Return how many rows settings have values for.

    Args:
        owner: the class that they belong to.
        settings: the settings by name.

    Returns:
        The rows; None if each setting has one value.

    Raises:
        ValueError: if settings have values for different numbers of rows, or for none.
    """
    shapes = {name: list(each.shape) for name, each in settings.items() if isinstance(each, Tensor)}
    for name, shape in shapes.items():
        if len(shape) != 1 or shape[0] < 1:
            raise ValueError(
                f"{owner}: {name} must be a number, or a tensor of one for each row, "
                f"got shape {shape}."
            )
    if len({shape[0] for shape in shapes.values()}) > 1:
        given = ", ".join(f"{shape[0]} of {name}" for name, shape in shapes.items())
        raise ValueError(f"{owner}: settings of one value a row must be equally many, got {given}.")
    return next((shape[0] for shape in shapes.values()), None)


def values(setting: Setting) -> list[float]:
    """Return all values of a setting.

    Args:
        setting: any setting.

    Returns:
        Its value, or those of all rows.
    """
    return setting.tolist() if isinstance(setting, Tensor) else [setting]


def drawn(setting: Setting) -> float:
    """Return the scale of what all rows draw together.

    Args:
        setting: the scale wanted.

    Returns:
        That scale; 1 where each row has its own, to be multiplied by `factor`.
    """
    return 1.0 if isinstance(setting, Tensor) else setting


def factor(setting: Setting) -> Factor:
    """Return what a draw of the scale `drawn` is still to be multiplied by.

    Args:
        setting: the scale wanted.

    Returns:
        1, or the scale of each row.
    """
    return column(setting) if isinstance(setting, Tensor) else 1.0


def column(setting: Setting) -> Factor:
    """Return a setting in the shape that multiplies rows of features.

    Args:
        setting: any setting.

    Returns:
        Its value, or those of all rows in a column.
    """
    return setting.unsqueeze(1) if isinstance(setting, Tensor) else setting


def side_by_side(factors: Sequence[Factor]) -> float | Float[Tensor, "rows features"]:
    """Join the factors of features.

    Args:
        factors: the factor of each feature, at least one.

    Returns:
        A matrix of them, or 1 where no feature has one for each row.
    """
    parts = torch.broadcast_tensors(*(torch.as_tensor(each) for each in factors))
    return torch.cat(parts, dim=1) if parts[0].dim() == 2 else 1.0
