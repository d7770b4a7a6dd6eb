"""A program's meaning in torch operations: what its native code is recomputed by."""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.engine.compiler.program import Node, Program, Source

_POINTWISE: dict[str, Callable[..., Tensor]] = {
    "neg": torch.neg,
    "exp": torch.exp,
    "log": torch.log,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "floor": torch.floor,
    "sin": torch.sin,
    "cos": torch.cos,
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
}


def interpret(
    program: Program, leaves: Mapping[Source, Tensor], matrices: Sequence[Tensor]
) -> dict[Source, Tensor]:
    """Compute one step, differentiable to any order.

    Args:
        program: the program.
        leaves: the rows `[batch, features]` or vectors `[features]` that it reads.
        matrices: the weight matrices.

    Returns:
        Its results, `[batch, features]`.
    """
    like = next(iter(leaves.values()))
    batch = max(leaf.shape[0] for leaf in leaves.values() if leaf.dim() == 2)
    values: dict[Node, Tensor] = {}
    for node in program.nodes():
        parts = [values[part] for part in node.operands]
        if node.op == "leaf":
            values[node] = leaves[node.attribute]
        elif node.op == "number":
            values[node] = like.new_full((1,), node.attribute)
        elif node.op == "product":
            matrix = matrices[node.attribute.index]
            weight = matrix if node.attribute.transposed else matrix.T
            product = F.linear(parts[0], weight)
            values[node] = product + parts[1] if len(parts) == 2 else product
        else:
            values[node] = _value(node, parts, batch)
    return {target: values[node].expand(batch, width) for target, node, width in program.results}


def _value(node: Node, parts: list[Tensor], batch: int) -> Tensor:
    match node.op:
        case "slice":
            return parts[0][..., node.attribute : node.attribute + node.width]
        case "cat":
            rows = [
                part.expand(batch, operand.width)
                for part, operand in zip(parts, node.operands, strict=True)
            ]
            return torch.cat(rows, dim=-1)
        case "spread":
            return parts[0].expand(batch, node.width)
        case "sum":
            return parts[0].sum(-1, keepdim=True)
        case "amax":
            return parts[0].amax(-1, keepdim=True)
        case "lt" | "le" | "eq":
            compare = {"lt": torch.lt, "le": torch.le, "eq": torch.eq}[node.op]
            return compare(parts[0], parts[1]).to(parts[0].dtype)
        case "where":
            return torch.where(parts[0] != 0, parts[1], parts[2])
        case _:
            return _POINTWISE[node.op](*parts)
