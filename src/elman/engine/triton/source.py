"""The text of a Triton kernel, line by line.

A kernel works on blocks of batch rows. Values are tiles `[rows, features]` whose sides are powers
of two; what lies beyond the batch or the width is masked.
"""

from elman.engine.compiler.program import Source
from elman.engine.triton.kernel import Kernel, Setting, Span, has_time, in_turn, tile

_HEAD = """\
import triton
import triton.language as tl

from elman.engine.triton.functions import row_maximum, row_sum, tanh


@triton.jit(do_not_specialize=[{counts}])
def kernel({arguments}, ROWS: tl.constexpr):
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    live = rows < batch
    wide = tl.cast(batch, tl.int64)
"""


class Writer:
    """Writes a kernel.

    Args:
        setting: what the kernel is written for.
        loop: whether it runs over all steps, or computes one.
        held: whether weights stay on the chip, or are read again at each step.

    Attributes:
        setup: lines before the first step.
        body: lines of a step.
        finish: lines after the last step.
    """

    setup: list[str]
    body: list[str]
    finish: list[str]

    def __init__(self, setting: Setting, *, loop: bool, held: bool = True) -> None:
        self.setting = setting
        self.loop = loop
        self._held = held
        self.setup, self.body, self.finish = [], [], []
        self.type = "tl.float64" if setting.double else "tl.float32"
        self._buffers: dict[Source, str] = {}
        self._matrices: dict[int, str] = {}
        self._numbers: set[str] = set()
        self._known: dict[str, str] = {}
        self._names = 0
        self._widest = 1
        self._weights = 0
        self._lefts: dict[str, int] = {}
        self._flags: dict[str, str] = {}

    def define(self, expression: str) -> str:
        """Write the definition of a value of this step.

        Args:
            expression: what is defined.

        Returns:
            Its name.
        """
        self._names += 1
        self.body.append(f"x{self._names} = {expression}")
        return f"x{self._names}"

    def define_before(self, expression: str) -> str:
        """Write the definition of a value that is the same in all steps, or carried on.

        Args:
            expression: what is defined.

        Returns:
            Its name.
        """
        self._names += 1
        self.setup.append(f"x{self._names} = {expression}")
        return f"x{self._names}"

    def at(self, span: Span, step: str = "t") -> str:
        """Return the pointers to some features of a buffer.

        Args:
            span: the buffer and its features.
            step: the number of the time step.

        Returns:
            An expression.
        """
        source, features, start, width = span
        name = self._buffers.setdefault(source, f"{source.kind}{source.index}")
        columns = f"{self.column(width)} + {start}" if start else self.column(width)
        if source.kind == "vector":
            return f"{name} + {columns}"
        offsets = self._once(f"rows * {features} + {columns}")
        if not has_time(source):
            return f"{name} + {offsets}"
        place = f"{step} % {name}_places" if in_turn(source) else step
        return f"{name} + {place} * wide * {features} + {offsets}"

    def load(self, span: Span, step: str = "t") -> str:
        """Return the load of some features of a buffer.

        Args:
            span: the buffer and its features.
            step: the number of the time step.

        Returns:
            An expression.
        """
        width = span.width
        mask = f"{self.column(width)} < {width}" if span.source.kind == "vector" else None
        return f"tl.load({self.at(span, step)}, mask={mask or self.mask(width)}, other=0.0)"

    def store(self, span: Span, value: str, step: str = "t") -> None:
        """Write a store to some features of a buffer.

        Args:
            span: the buffer and its features.
            value: a name or expression.
            step: the number of the time step.
        """
        self.body.append(self._store(span, value, step))

    def store_after(self, span: Span, value: str) -> None:
        """Write a store that follows the last step, to the first place in time if there are any.

        Args:
            span: the buffer and its features.
            value: a name.
        """
        self.finish.append(self._store(span, value, "0"))

    def add(self, span: Span, value: str) -> None:
        """Write an addition to a buffer that gathers a sum over time.

        Args:
            span: the buffer and its features.
            value: a name or expression.
        """
        if self.loop:
            total = self.define_before(f"tl.zeros((ROWS, {tile(span.width)}), {self.type})")
            self.body.append(f"{total} += {value}")
            self.store_after(span, total)
        else:
            self.store(span, f"{self.load(span)} + {value}")

    def weight(
        self,
        index: int,
        strides: tuple[int, int],
        rows: tuple[int, int],
        columns: tuple[int, int],
    ) -> str:
        """Write the load of a tile of weights.

        Args:
            index: the number of the matrix.
            strides: numbers from one row of it to the next, and from one column to the next.
            rows: the first row wanted, and how many.
            columns: the first column wanted, and how many.

        Returns:
            Its name; where either side is 1 wide, the other lies along the features.
        """
        name = self._matrices.setdefault(index, f"matrix{index}")
        (top, depth), (left, width) = rows, columns
        self._weights += tile(depth) * tile(width)
        down = self.column(depth) if width == 1 else "0"
        along = self.column(width) if width > 1 or depth == 1 else "0"
        mask = f"{self.column(max(depth, width))} < {max(depth, width)}"
        if depth > 1 and width > 1:
            down = self._count("row", tile(depth), "[:, None]")
            mask = f"({down} < {depth}) & ({along} < {width})"
        at = f"({down} + {top}) * {strides[0]} + ({along} + {left}) * {strides[1]}"
        define = self.define_before if self._held else self.define
        return define(f"tl.load({name} + {at}, mask={mask}, other=0.0)")

    def dot(self, left: str, depth: int, weight: str, total: str) -> str:
        """Write the product of a tile with a tile of weights.

        Args:
            left: the name of the tile.
            depth: its features.
            weight: the name of the weights.
            total: the name of what the product is added to, if anything.

        Returns:
            Its name.
        """
        self._lefts[left] = tile(depth)
        start = f"acc={total}, " if total else ""
        return self.define(
            f'tl.dot({left}, {weight}, {start}input_precision="{self.setting.precision}", '
            f"out_dtype={self.type})"
        )

    def column(self, width: int) -> str:
        """Return the name of the numbers of a row's features.

        Args:
            width: features of the row.

        Returns:
            The name of a tile `[1, features]`.
        """
        self._widest = max(self._widest, tile(width))
        return self._count("column", tile(width), "[None, :]")

    def mask(self, width: int) -> str:
        """Return the condition under which a tile's place exists.

        Args:
            width: features of the row.

        Returns:
            An expression.
        """
        if tile(width) == width:
            return "live"
        return self._once(f"live & ({self.column(width)} < {width})")

    def whole(self, value: str, width: int) -> str:
        """Return a value spread over a full tile.

        Args:
            value: a name or expression.
            width: features of the row.

        Returns:
            An expression.
        """
        return f"tl.broadcast_to({value}, (ROWS, {tile(width)}))"

    def active(self, value: str, other: str) -> str:
        """Return a value where the row has this step, another where it sits it out.

        Args:
            value: a name or expression.
            other: a name or expression.

        Returns:
            An expression.
        """
        if not self.setting.ragged:
            return value
        if "active" not in self._flags:
            self._flags["active"] = "t < length"
            self.setup.append("length = tl.load(lengths + rows, mask=live, other=0)")
        return f"tl.where(active, {value}, {other})"

    def again(self, value: str, other: str) -> str:
        """Return a value where a row starts afresh between this result and its reader.

        Args:
            value: a name or expression.
            other: a name or expression.

        Returns:
            An expression.
        """
        at = f"resets + (t + {self.setting.after}) * wide + rows"
        self._flags["again"] = f"tl.load({at}, mask=live, other=0) != 0"
        return f"tl.where(again, {value}, {other})"

    def kernel(self) -> Kernel:
        """Return the finished kernel.

        Returns:
            Its text and arguments.
        """
        counts = [f"{name}_places" for source, name in self._buffers.items() if in_turn(source)]
        counts += ["time", "batch", "step"]
        names = [*self._buffers.values(), *self._matrices.values(), "lengths", "resets", *counts]
        fixed = ", ".join(f'"{name}"' for name in counts)
        lines = [_HEAD.format(counts=fixed, arguments=", ".join(names))]
        lines += [f"    {line}\n" for line in self.setup]
        if self.loop:
            step = "time - 1 - number" if self.setting.backward else "number"
            lines += ["    for number in range(time):\n", f"        t = {step}\n"]
        else:
            lines.append("    t = step\n")
        indent = " " * (8 if self.loop else 4)
        flags = [f"{name} = {expression}" for name, expression in self._flags.items()]
        lines += [f"{indent}{line}\n" for line in [*flags, *self.body]]
        lines += [f"    {line}\n" for line in self.finish]
        return Kernel(
            "".join(lines),
            tuple(self._buffers),
            tuple(self._matrices),
            self._widest,
            self._weights,
            sum(self._lefts.values()),
        )

    def _store(self, span: Span, value: str, step: str) -> str:
        return f"tl.store({self.at(span, step)}, {value}, mask={self.mask(span.width)})"

    def _once(self, expression: str) -> str:
        """Return the name of what is the same in all steps, and perhaps defined already."""
        if expression not in self._known:
            self._known[expression] = self.define_before(expression)
        return self._known[expression]

    def _count(self, name: str, size: int, axis: str) -> str:
        if f"{name}{size}" not in self._numbers:
            self._numbers.add(f"{name}{size}")
            self.setup.append(f"{name}{size} = tl.arange(0, {size}){axis}")
        return f"{name}{size}"
