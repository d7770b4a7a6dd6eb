"""Gradients that take the places of the values whose gradients they are."""

from dataclasses import replace

from elman.engine.compiler.derivative import Derivative, chain
from elman.engine.compiler.program import Reused, Source


def in_place(derivative: Derivative) -> Derivative:
    """Let the gradients of products lie where the products were.

    Half of what a backward pass would read and write besides is then neither, and its memory is
    not needed. The products are gone afterwards.

    Args:
        derivative: a program's derivative.

    Returns:
        The same derivative, whose products are overwritten where its schedule can.
    """
    kept = {target: width for target, _, width in derivative.program.results}
    lasting = {weight.left.source for weight in derivative.weights}
    reused: dict[int, Reused] = {}
    for number, product in enumerate(derivative.products):
        matrices = {part.attribute for part in chain(product)}
        for matrix, _, gradient in derivative.weights:
            source = gradient.source
            fits = source.kind == "kept" and kept[source] == product.width
            taken = any(entry.target == source for entry in reused.values())
            if matrix in matrices and fits and not taken and not _lies(number, lasting):
                reused.setdefault(number, Reused(source, number))
    program = replace(derivative.program, reused=tuple(reused.values()))
    return derivative._replace(program=program)


def _lies(number: int, sources: set[Source]) -> bool:
    return Source("product", number) in sources
