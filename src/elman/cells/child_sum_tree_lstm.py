"""The Tree-LSTM that adds up its children."""

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.lstm import LSTMState
from elman.cells.tree import TreeCell


class ChildSumTreeLSTMCell(TreeCell[LSTMState]):
    r"""Child-sum Tree-LSTM: any number of children, whose order does not matter.

    $$ \tilde h = \sum_k h_k, \quad i, o = \sigma(W x + U \tilde h + b), \quad
       u = \tanh(W_u x + U_u \tilde h + b_u) $$
    $$ f_k = \sigma(W_f x + U_f h_k + b_f), \quad
       c = i \odot u + \sum_k f_k \odot c_k, \quad h = o \odot \tanh c $$

    Args:
        input_size: features of each input vector.
        hidden_size: units; `hidden` and `cell` both have this width.
        forget_bias: where the forget gates' bias starts.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Tai, Socher & Manning 2015, "Improved semantic representations from tree-structured long
        short-term memory networks", equations 2 to 8.
        Differs: the forget bias starts at 1.
    """

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 4 * hidden_size)  # rows: i, o, u, f
        self.sum_map = nn.Linear(hidden_size, 3 * hidden_size, bias=False)  # rows: i, o, u
        self.forget_map = nn.Linear(hidden_size, hidden_size, bias=False)
        nn.init.constant_(self.input_map.bias[3 * hidden_size :], forget_bias)

    def initial_state(self, nodes: int) -> LSTMState:
        """Return units and memory cells at zero; see `TreeCell.initial_state`."""
        zeros = self.forget_map.weight.new_zeros(nodes, self.output_size)
        return LSTMState(hidden=zeros, cell=zeros)

    def project(self, inputs: Float[Tensor, "nodes input"]) -> Float[Tensor, "nodes gates"]:
        """Return $W x + b$ for the four gates; see `TreeCell.project`."""
        return self.input_map(inputs)

    def leaf(self, projected: Float[Tensor, "nodes gates"]) -> LSTMState:
        """Open the gates to the input alone; see `TreeCell.leaf`."""
        i, o, u, _ = projected.chunk(4, dim=-1)
        cell = i.sigmoid() * u.tanh()
        return LSTMState(o.sigmoid() * cell.tanh(), cell)

    def step(self, projected: Float[Tensor, "nodes gates"], children: LSTMState) -> LSTMState:
        """Add up the children; see `TreeCell.step`."""
        own, f = projected.split((3 * self.output_size, self.output_size), dim=-1)
        i, o, u = (own + self.sum_map(children.hidden.sum(dim=1))).chunk(3, dim=-1)
        f = f.unsqueeze(1) + self.forget_map(children.hidden)  # [nodes, children, hidden]
        cell = i.sigmoid() * u.tanh() + (f.sigmoid() * children.cell).sum(dim=1)
        return LSTMState(o.sigmoid() * cell.tanh(), cell)
