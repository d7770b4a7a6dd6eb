"""The argument of a compiled cell: one array of 64-bit words, the same for code and caller."""

from elman.engine.compiler.program import Matrix, Source
from elman.engine.compiler.schedule import Schedule
from elman.engine.native.threads import HEADER_WORDS

HEADER = (
    *("begin", "end", "rows", "shared", "barrier"),
    *("lengths", "resets", "scratch", "scratch_stride"),
)
"""Words after the thread header: first step, one beyond the last, rows of the batch, whether all
threads share all rows and split the features of products instead (1) or each has rows of its own
(0), and the addresses of the barrier's counter, `lengths` (int64 [batch]) and
`resets` (bool [time + 1, batch], the last row False), the memory that products in bfloat16 round
their left sides into, and the floats that each thread has of it."""

BUFFER = ("base", "time_stride", "row_stride", "time_mask")
"""Words of a buffer: its address, strides in floats, and what of the step's number counts: -1 for
a place each step, 1 for two places in turn."""

WEIGHT = ("address", "product")
"""Words of a weight: its address, and that of the product kernel which reads what lies there."""


class Layout:
    """Where the words of a schedule's buffers and matrices are.

    Args:
        schedule: the schedule.
        resets: whether it writes a state that a row may be reset to another.
    """

    def __init__(self, schedule: Schedule, *, resets: bool) -> None:
        places = set(schedule.widths)
        for alias in schedule.aliases:
            places.discard(alias)
        if resets:
            places |= {s._replace(kind="initial") for s in places if s.kind == "state"}
        self.widths = {
            source: schedule.widths.get(source) or schedule.widths[source._replace(kind="state")]
            for source in sorted(places)
        }
        products = [product for stage in schedule.stages for product in stage.products]
        self.matrices = sorted({product.matrix for product in products})
        first = HEADER_WORDS + len(HEADER)
        self._buffers = {
            source: first + len(BUFFER) * number for number, source in enumerate(self.widths)
        }
        self._first_matrix = first + len(BUFFER) * len(self.widths)

    def header(self, name: str) -> int:
        """Return the word of a header entry.

        Args:
            name: one of `HEADER`.

        Returns:
            Its index.
        """
        return HEADER_WORDS + HEADER.index(name)

    def buffer(self, source: Source) -> int:
        """Return the first of a buffer's words.

        Args:
            source: which buffer.

        Returns:
            Its index.
        """
        return self._buffers[source]

    def matrix(self, matrix: Matrix) -> int:
        """Return the first of a weight's words.

        Args:
            matrix: which matrix, and which way round.

        Returns:
            Its index.
        """
        return self._first_matrix + len(WEIGHT) * self.matrices.index(matrix)
