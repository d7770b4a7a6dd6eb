"""The Tree-LSTM that knows its children by their places."""

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.lstm import LSTMState
from elman.cells.tree import TreeCell


class ConstituencyTreeLSTMCell(TreeCell[LSTMState]):
    r"""N-ary Tree-LSTM: each place among the children has weights of its own.

    $$ i, o = \sigma\Big(W x + \sum_l U_l h_l + b\Big), \quad
       u = \tanh\Big(W_u x + \sum_l U_{u,l} h_l + b_u\Big) $$
    $$ f_k = \sigma\Big(W_f x + \sum_l U_{f,kl} h_l + b_f\Big), \quad
       c = i \odot u + \sum_k f_k \odot c_k, \quad h = o \odot \tanh c $$

    Args:
        input_size: features of each input vector.
        hidden_size: units; `hidden` and `cell` both have this width.
        max_children: children a node may have; 2 is the constituency Tree-LSTM.
        forget_bias: where the forget gates' bias starts.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Tai, Socher & Manning 2015, "Improved semantic representations from tree-structured long
        short-term memory networks", equations 9 to 14.
        Differs: the forget bias starts at 1.
    """

    max_children: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        max_children: int = 2,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(input_size, output_size=hidden_size, max_children=max_children)
        self.input_map = nn.Linear(input_size, 4 * hidden_size)  # rows: i, o, u, f
        self.child_map = nn.Linear(  # rows: i, o, u, f_1, f_2, ...
            max_children * hidden_size, (3 + max_children) * hidden_size, bias=False
        )
        nn.init.constant_(self.input_map.bias[3 * hidden_size :], forget_bias)

    def initial_state(self, nodes: int) -> LSTMState:
        """Return units and memory cells at zero; see `TreeCell.initial_state`."""
        zeros = self.child_map.weight.new_zeros(nodes, self.output_size)
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
        """Join the children; see `TreeCell.step`."""
        hidden, places = self.output_size, self.max_children
        own, f = projected.split((3 * hidden, hidden), dim=-1)
        joined = self.child_map(children.hidden.flatten(-2))
        joined, joined_f = joined.split((3 * hidden, places * hidden), dim=-1)
        i, o, u = (own + joined).chunk(3, dim=-1)
        f = f.unsqueeze(1) + joined_f.unflatten(-1, (places, hidden))  # [nodes, children, hidden]
        cell = i.sigmoid() * u.tanh() + (f.sigmoid() * children.cell).sum(dim=1)
        return LSTMState(o.sigmoid() * cell.tanh(), cell)
