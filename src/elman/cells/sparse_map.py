"""A product with a sparse matrix that has equally many entries in each row."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class SparseMap(nn.Module):
    """A linear map whose matrix is stored without its zeros.

    Args:
        columns: where the entries of each row of the matrix stand, `[out, entries]`.
        weight: the entries, `[out, entries]`.
    """

    columns: Int[Tensor, "out entries"]

    def __init__(
        self, columns: Int[Tensor, "out entries"], weight: Float[Tensor, "out entries"]
    ) -> None:
        super().__init__()
        self.register_buffer("columns", columns)
        self.weight = nn.Parameter(weight)

    def forward(self, inputs: Float[Tensor, "batch in"]) -> Float[Tensor, "batch out"]:
        """Return the product of the matrix with each row of the batch.

        Args:
            inputs: `[batch, in]`.

        Returns:
            The products, `[batch, out]`.
        """
        read = inputs.index_select(-1, self.columns.flatten())
        return (read.unflatten(-1, self.columns.shape) * self.weight).sum(-1)


def draw_columns(rows: int, columns: int, entries: int) -> Int[Tensor, "rows entries"]:
    """Draw different columns for each row, each set of columns as likely as any other.

    Args:
        rows: rows of the matrix.
        columns: columns of the matrix.
        entries: columns drawn for each row, 1 to `columns`.

    Returns:
        The columns of each row, rising, `[rows, entries]`.
    """
    if 2 * entries > columns:  # so many repeat that a shuffle of all is quicker
        return torch.rand(rows, columns).argsort(dim=1)[:, :entries].sort(dim=1).values
    drawn = torch.randint(columns, (rows, entries)).sort(dim=1).values
    while (repeated := drawn.diff(dim=1, prepend=drawn.new_full((rows, 1), -1)) == 0).any():
        drawn[repeated] = torch.randint(columns, (int(repeated.sum()),))
        drawn = drawn.sort(dim=1).values
    return drawn
