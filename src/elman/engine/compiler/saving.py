"""Which values of the forward step are kept for the derivative."""

from elman.engine.compiler.derivative import heads
from elman.engine.compiler.program import REDUCTIONS, Node, Program, Saved


def saving(program: Program) -> Program:
    """Choose values that the derivative reads instead of computing them again.

    The derivative of a squashing function needs its value alone. So the value takes the place of
    a product that reaches nothing but the function's argument, and that by sums only: no memory
    is added, and no function is evaluated twice.

    Args:
        program: a simplified program.

    Returns:
        The same program with its saved values.
    """
    nodes = program.nodes()
    products = heads(nodes)
    users: dict[Node, list[Node]] = {node: [] for node in nodes}
    for node in nodes:
        for part in node.operands:
            users[part].append(node)
    results = {result.node for result in program.results}
    saved = []
    for node in nodes:
        if node.op not in ("sigmoid", "tanh", "exp"):
            continue
        inside, stack = {node}, list(node.operands)
        while stack:
            part = stack.pop()
            if part in results or not inside.issuperset(users[part]):
                continue
            inside.add(part)
            product = part.operands[0] if part.op == "slice" else part
            if product in products and part.width == node.width and _alone(part, product, users):
                start = 0 if part is product else part.attribute
                saved.append(Saved(node, products.index(product), start))
                break
            if part.op in ("add", "sub", "neg"):
                stack.extend(part.operands)
    return Program(program.results, tuple(saved))


def saving_reductions(program: Program) -> Program:
    """Choose the reductions as well: what reads one would have to wait for it once more.

    They are one number a row each, and lie beside the products.

    Args:
        program: a simplified program.

    Returns:
        The same program with its reductions among its saved values.
    """
    nodes = program.nodes()
    reduced = [node for node in nodes if node.op in REDUCTIONS]
    place = len(heads(nodes))
    saved = [Saved(node, place, column) for column, node in enumerate(reduced)]
    return Program(program.results, (*program.saved, *saved))


def _alone(part: Node, product: Node, users: dict[Node, list[Node]]) -> bool:
    """Say whether nothing else reads a part of a product."""
    if part is product:
        return True
    start, stop = part.attribute, part.attribute + part.width
    return all(
        other is part
        or (
            other.op == "slice"
            and (other.attribute >= stop or other.attribute + other.width <= start)
        )
        for other in users[product]
    )
