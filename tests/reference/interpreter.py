"""The meaning of a program, node by node in float64."""

import torch
from torch import Tensor

from elman.engine.compiler.derivative import Columns, Derivative
from elman.engine.compiler.program import Node, Program, Source

_FUNCTIONS = {
    "neg": lambda x: -x,
    "exp": torch.exp,
    "log": torch.log,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "floor": torch.floor,
    "sin": torch.sin,
    "cos": torch.cos,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "lt": lambda x, y: (x < y).double(),
    "le": lambda x, y: (x <= y).double(),
    "eq": lambda x, y: (x == y).double(),
    "where": lambda condition, x, y: torch.where(condition != 0, x, y),
    "sum": lambda x: x.sum(1, keepdim=True),
    "amax": lambda x: x.amax(1, keepdim=True),
}


def interpret(program: Program, leaves: dict[Source, Tensor], batch: int) -> dict[Source, Tensor]:
    """Compute a program's results for rows of a batch.

    Args:
        program: any program.
        leaves: `[batch, features]` or `[features]` for each leaf, and `[rows, columns]` for each
            source of kind `matrix`.
        batch: rows of the batch.

    Returns:
        `[batch, features]` for each result.
    """
    values = evaluate(program, leaves, batch)
    return {
        target: values[node].expand(batch, width).contiguous()
        for target, node, width in program.results
    }


def evaluate(program: Program, leaves: dict[Source, Tensor], batch: int) -> dict[Node, Tensor]:
    """Compute every node of a program.

    Args:
        program: any program.
        leaves: as for `interpret`.
        batch: rows of the batch.

    Returns:
        `[batch, width]` for each node.
    """
    values: dict[Node, Tensor] = {}
    for node in program.nodes():
        value = _value(node, [values[part] for part in node.operands], leaves)
        assert value.shape[-1] == node.width, (node.op, value.shape, node.width)
        values[node] = value.expand(batch, node.width)
    return values


def _value(node: Node, parts: list[Tensor], leaves: dict[Source, Tensor]) -> Tensor:
    match node.op:
        case "leaf":
            return leaves[node.attribute]
        case "number":
            return torch.full((1,), node.attribute, dtype=torch.float64)
        case "slice":
            return parts[0][:, node.attribute : node.attribute + node.width]
        case "cat":
            return torch.cat(parts, dim=1)
        case "spread":
            return parts[0].expand(-1, node.width)
        case "product":
            matrix = leaves[Source("matrix", node.attribute.index)]
            product = parts[0] @ (matrix.T if node.attribute.transposed else matrix)
            return product + parts[1] if len(parts) == 2 else product
        case _:
            return _FUNCTIONS[node.op](*parts)


def gradients(
    backward: Derivative,
    leaves: dict[Source, Tensor],
    given: dict[Source, Tensor],
    products: list[Tensor],
) -> dict[Source, Tensor]:
    """Compute the gradients that a derivative stands for, deferred products included.

    Args:
        backward: the derivative.
        leaves: what the forward program read.
        given: the gradients of its results, by `output_gradient` and `state_gradient`.
        products: the values of `backward.products` in the forward step, `[batch, features]`.

    Returns:
        The gradient of each wanted leaf and matrix, by the forward program's sources.
    """
    batch = next(iter(given.values())).shape[0]
    known = {**leaves, **given}
    known |= {Source("product", number): value for number, value in enumerate(products)}
    values = evaluate(backward.program, known, batch)
    results: dict[Source, Tensor] = {}
    for target, node, width in backward.program.results:
        value = values[node].expand(batch, width)
        source = Source(target.kind.removesuffix("_gradient"), target.index)
        if target.kind == "kept":
            known[target] = value
        else:
            results[source] = value.sum(0) if target.kind == "vector_gradient" else value

    def rows(columns: Columns) -> Tensor:
        value = known[columns.source].expand(batch, -1)
        return value[:, columns.start : columns.start + columns.width]

    for index, matrix, gradient in backward.inputs:
        weight = known[Source("matrix", matrix.index)]
        results[Source("input", index)] = rows(gradient) @ (
            weight.T if matrix.transposed else weight
        )
    for matrix, left, gradient in backward.weights:
        product = rows(gradient).T @ rows(left)
        source = Source("matrix", matrix.index)
        results[source] = results.get(source, 0) + (product if matrix.transposed else product.T)
    return results
