"""What every emitter of LLVM code shares: types, counted loops and vectors with run-time masks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from elman.engine.native.target import Host

VOID = ir.VoidType()
POINTER = ir.PointerType()
BOOLEAN = ir.IntType(1)
INTEGER = ir.IntType(64)
FLOAT = ir.FloatType()


def integer(value: int) -> Any:
    """Make a 64-bit integer constant.

    Args:
        value: its value.

    Returns:
        The constant.
    """
    return ir.Constant(INTEGER, value)


@contextmanager
def counted(builder: Any, start: Any, stop: Any, step: Any = 1) -> Iterator[Any]:
    """Emit a loop `for index in range(start, stop, step)`; its body is the `with` block.

    Args:
        builder: where to emit; left at the block after the loop.
        start: first index.
        stop: the index to stop before.
        step: a positive distance between indices, a number or emitted integer.

    Yields:
        The index.
    """
    before = builder.block
    head = builder.append_basic_block("head")
    body = builder.append_basic_block("body")
    after = builder.append_basic_block("after")
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(INTEGER)
    index.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", index, stop), body, after)
    builder.position_at_end(body)
    yield index
    distance = integer(step) if isinstance(step, int) else step
    index.add_incoming(builder.add(index, distance), builder.block)
    builder.branch(head)
    builder.position_at_end(after)


def carried(builder: Any, index: Any, values: list[Any]) -> list[Any]:
    """Emit variables that a loop of `counted` keeps in registers; the body comes after this.

    Args:
        builder: where to emit, in the loop.
        index: the loop's index.
        values: what the variables are before the loop.

    Returns:
        What they are in the body, and after the loop. The body ends by `carry`.
    """
    head = index.parent
    ((_, before),) = index.incomings
    with builder.goto_block(head):
        builder.position_after(index)
        variables = [builder.phi(value.type) for value in values]
    for variable, value in zip(variables, values, strict=True):
        variable.add_incoming(value, before)
    return variables


def carry(builder: Any, variables: list[Any], values: list[Any]) -> None:
    """Set what the variables of `carried` are in the next round of the loop.

    Args:
        builder: where to emit, at the end of the loop's body.
        variables: what `carried` returned.
        values: their new values.
    """
    for variable, value in zip(variables, values, strict=True):
        variable.add_incoming(value, builder.block)


def function(module: Any, name: str, *arguments: Any, result: Any = VOID) -> tuple[Any, Any]:
    """Add an exported function to a module.

    Args:
        module: the module.
        name: name of the function.
        arguments: types of its arguments.
        result: type of its result.

    Returns:
        The function and a builder at its first block.
    """
    added = ir.Function(module, ir.FunctionType(result, arguments), name)
    return added, ir.IRBuilder(added.append_basic_block("entry"))


def minimum(builder: Any, left: Any, right: Any) -> Any:
    """Emit the smaller of two signed integers.

    Args:
        builder: where to emit.
        left: one integer.
        right: the other.

    Returns:
        The smaller one.
    """
    return builder.select(builder.icmp_signed("<", left, right), left, right)


def maximum(builder: Any, left: Any, right: Any) -> Any:
    """Emit the larger of two signed integers.

    Args:
        builder: where to emit.
        left: one integer.
        right: the other.

    Returns:
        The larger one.
    """
    return builder.select(builder.icmp_signed(">", left, right), left, right)


def divided_up(builder: Any, dividend: Any, divisor: Any) -> Any:
    """Emit the quotient of two integers that are not negative, rounded up.

    Args:
        builder: where to emit.
        dividend: the integer divided.
        divisor: the positive integer that divides.

    Returns:
        The quotient.
    """
    return builder.udiv(builder.add(dividend, builder.sub(divisor, integer(1))), divisor)


def offset(builder: Any, pointer: Any, *terms: Any) -> Any:
    """Emit the address of a float (or another value of 4 bytes) after a pointer.

    Args:
        builder: where to emit.
        pointer: the address to start from.
        terms: numbers of floats to add.

    Returns:
        The address.
    """
    for term in terms:
        pointer = builder.gep(pointer, [term], source_etype=FLOAT)
    return pointer


def prefetch(builder: Any, pointer: Any) -> None:
    """Emit a hint that a cache line will soon be read; any address is allowed.

    Args:
        builder: where to emit.
        pointer: an address in the line.
    """
    word = ir.IntType(32)
    hint = intrinsic(builder.module, "llvm.prefetch.p0", VOID, POINTER, word, word, word)
    # For reading, into the second-level cache, as data.
    builder.call(hint, [pointer, *(ir.Constant(word, value) for value in (0, 2, 1))])


class Lanes:
    """Loads, stores and arithmetic on vectors of one width, with masks known at run time.

    Args:
        module: the module to declare intrinsics in.
        host: the processor that the code is for.
        element: type of one lane, 4 bytes wide.
    """

    def __init__(self, module: Any, host: Host, element: Any = FLOAT) -> None:
        self.count = host.lanes
        self.type = ir.VectorType(element, host.lanes)
        self._module = module
        self._mask = ir.VectorType(BOOLEAN, host.lanes)
        self._suffix = f"v{host.lanes}{element.intrinsic_name}"
        # Without the instruction, llvm.fma calls the C library once a lane.
        self._fused = host.has_fma

    def zero(self) -> Any:
        """Make the vector of zeros.

        Returns:
            The constant.
        """
        return ir.Constant(self.type, None)

    def load(self, builder: Any, pointer: Any, mask: Any = None) -> Any:
        """Emit the load of a vector.

        Args:
            builder: where to emit.
            pointer: address of the first lane, a multiple of 4 bytes.
            mask: the lanes to read, the others are zero; all lanes if not given.

        Returns:
            The vector.
        """
        if mask is None:
            return builder.load(pointer, align=4, typ=self.type)
        name = f"llvm.masked.load.{self._suffix}.p0"
        load = self._intrinsic(name, self.type, POINTER, ir.IntType(32), self._mask, self.type)
        return builder.call(load, [pointer, ir.Constant(ir.IntType(32), 4), mask, self.zero()])

    def store(self, builder: Any, value: Any, pointer: Any, mask: Any = None) -> None:
        """Emit the store of a vector.

        Args:
            builder: where to emit.
            value: the vector.
            pointer: address of the first lane, a multiple of 4 bytes.
            mask: the lanes to write; all lanes if not given.
        """
        if mask is None:
            builder.store(value, pointer, align=4)
            return
        name = f"llvm.masked.store.{self._suffix}.p0"
        store = self._intrinsic(name, VOID, self.type, POINTER, ir.IntType(32), self._mask)
        builder.call(store, [value, pointer, ir.Constant(ir.IntType(32), 4), mask])

    def below(self, builder: Any, limit: Any) -> Any:
        """Emit the mask of the lanes whose number is below a limit.

        Args:
            builder: where to emit.
            limit: a 64-bit integer, of any size and sign.

        Returns:
            The mask.
        """
        # In 32 bits the comparison takes one vector register instead of two.
        clamped = maximum(builder, minimum(builder, limit, integer(self.count)), integer(0))
        lanes = ir.VectorType(ir.IntType(32), self.count)
        numbers = ir.Constant(lanes, list(range(self.count)))
        limits = splat(builder, builder.trunc(clamped, ir.IntType(32)), self.count)
        return builder.icmp_signed("<", numbers, limits)

    def broadcast(self, builder: Any, pointer: Any) -> Any:
        """Emit the load of one element into all lanes.

        Args:
            builder: where to emit.
            pointer: address of the element.

        Returns:
            The vector.
        """
        element = builder.load(pointer, align=4, typ=self.type.element)
        return splat(builder, element, self.count)

    def multiply_add(self, builder: Any, left: Any, right: Any, total: Any) -> Any:
        """Emit `left * right + total`, rounded once where the processor can.

        Args:
            builder: where to emit.
            left: a vector of floats.
            right: a vector of floats.
            total: a vector of floats.

        Returns:
            The vector of results.
        """
        if not self._fused:
            return builder.fadd(total, builder.fmul(left, right))
        name = f"llvm.fma.{self._suffix}"
        return builder.call(
            self._intrinsic(name, self.type, self.type, self.type, self.type), [left, right, total]
        )

    def _intrinsic(self, name: str, result: Any, *arguments: Any) -> Any:
        return intrinsic(self._module, name, result, *arguments)


def intrinsic(module: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Declare an intrinsic, once a module.

    Args:
        module: the module.
        name: its full name.
        result: type of its result.
        arguments: types of its arguments.

    Returns:
        The declared function.
    """
    found = module.globals.get(name)
    return found or ir.Function(module, ir.FunctionType(result, arguments), name)


def splat(builder: Any, element: Any, count: int) -> Any:
    """Emit a vector whose lanes are all one element.

    Args:
        builder: where to emit.
        element: the element.
        count: number of lanes.

    Returns:
        The vector.
    """
    vector = ir.VectorType(element.type, count)
    first = builder.insert_element(
        ir.Constant(vector, ir.Undefined), element, ir.Constant(ir.IntType(32), 0)
    )
    order = ir.Constant(ir.VectorType(ir.IntType(32), count), None)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), order)
