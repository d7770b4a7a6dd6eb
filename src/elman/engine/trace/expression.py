"""Values of a program being built, with the operators of Python."""

from typing import Any

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.program import Node


class Untraceable(Exception):  # noqa: N818  it says what a step is, not that anything failed
    """A step cannot be turned into a program.

    Args:
        reason: one clause in plain words, such as "its step draws random numbers".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Operand = Any  # an Expression or a number


class Expression:
    """A value of the program being built, with Python's operators.

    Args:
        build: where the program is built.
        node: the value.
        boolean: whether it is a truth value, 1 or 0.
    """

    __slots__ = ("boolean", "build", "node")

    def __init__(self, build: Builder, node: Node, boolean: bool = False) -> None:
        self.build = build
        self.node = node
        self.boolean = boolean

    def apply(self, op: str, *others: Operand) -> "Expression":
        """Return a pointwise operation of this value and others.

        Args:
            op: an operation of the program.
            others: further operands.

        Returns:
            The result.
        """
        nodes = [self.lift(other).node for other in others]
        return Expression(self.build, self.build.apply(op, self.node, *nodes))

    def lift(self, value: Operand) -> "Expression":
        """Return an operand as an expression.

        Args:
            value: an expression or a number.

        Returns:
            The expression.
        """
        if isinstance(value, Expression):
            return value
        return Expression(self.build, self.build.number(value))

    def where(self, left: Operand, right: Operand) -> "Expression":
        """Choose by this truth value.

        Args:
            left: taken where it is true.
            right: taken elsewhere.

        Returns:
            The choice.
        """
        return self.apply("where", left, right)

    def reduce(self, op: str, size: int) -> "Expression":
        """Return the sum or maximum over all features.

        Args:
            op: `sum` or `amax`.
            size: how many features there are.

        Returns:
            The result, of width 1.
        """
        return Expression(self.build, self.build.reduce(op, self.node, size))

    def __add__(self, other: Operand) -> "Expression":
        return self.apply("add", other)

    def __radd__(self, other: Operand) -> "Expression":
        return self.lift(other).apply("add", self)

    def __sub__(self, other: Operand) -> "Expression":
        return self.apply("sub", other)

    def __rsub__(self, other: Operand) -> "Expression":
        return self.lift(other).apply("sub", self)

    def __mul__(self, other: Operand) -> "Expression":
        return self.apply("mul", other)

    def __rmul__(self, other: Operand) -> "Expression":
        return self.lift(other).apply("mul", self)

    def __truediv__(self, other: Operand) -> "Expression":
        return self.apply("div", other)

    def __rtruediv__(self, other: Operand) -> "Expression":
        return self.lift(other).apply("div", self)

    def __neg__(self) -> "Expression":
        return self.apply("neg")

    def __lt__(self, other: Operand) -> "Expression":
        return self.apply("lt", other)

    def __le__(self, other: Operand) -> "Expression":
        return self.apply("le", other)

    def __gt__(self, other: Operand) -> "Expression":
        return self.lift(other).apply("lt", self)

    def __ge__(self, other: Operand) -> "Expression":
        return self.lift(other).apply("le", self)

    def equal(self, other: Operand) -> "Expression":
        """Compare for equality.

        Args:
            other: what it is compared with.

        Returns:
            1 where both are equal, else 0.
        """
        return self.apply("eq", other)
