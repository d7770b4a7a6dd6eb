"""The arguments of the workers: 64-bit words after the header; strides are in floats."""

PACK_WORDS = ("source", "row_stride", "column_stride", "depth", "columns", "packed")
"""Words of the packing worker: those of `pack`."""

MULTIPLY_WORDS = (
    *("left", "left_stride", "rows", "depth"),
    *("packed", "columns", "initial", "initial_stride"),
    *("result", "result_stride", "by_rows", "scratch", "scratch_line"),
)
"""Words of the product worker: those of `product`, whether threads share out the rows (1) or the
panels (0), and scratch memory of `ROW_BLOCK * scratch_line` floats for each thread if the left
side is to be rounded."""

GRADIENT_WORDS = (
    *("left", "left_stride", "right", "right_stride"),
    *("depth", "rows", "columns", "result", "result_stride"),
    *("scratch", "by_rows"),
)
"""Words of the gradient worker: `result[n, k] = sum_m left[m, n] right[m, k]`, with `depth` values
of m, `rows` of n, `columns` of k; `scratch` has `gradient_scratch` floats for each thread."""

SUM_WORDS = ("source", "stride", "rows", "columns", "target")
"""Words of the summing worker: the target is the sum of the rows, which copies one row, and of none
makes zeros."""

TRANSPOSE_WORDS = ("source", "source_stride", "rows", "columns", "target", "target_stride")
"""Words of the transposing worker: those of `transpose`."""

COLLECT_WORDS = (
    *("gate", "gate_stride", "rows", "source", "source_stride"),
    *("columns", "target", "count"),
)
"""Words of the collecting worker: rows whose gate, a float for each, is not 0 are put one behind
the other; `count` is the address of the word that takes their number."""

REPEAT_WORDS = ("entry", "data", "threads", "start", "counter", "source", "bytes", "target")
"""Words of a repeated call: the function made by `emit_entry` and its argument, the threads that
run it, the addresses of `GOMP_parallel` and of the barrier's counter; and what is then copied."""
