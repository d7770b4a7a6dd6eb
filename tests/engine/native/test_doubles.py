"""The hyperbolic tangent in float64 against NumPy's extended precision."""

import ctypes
import math

import numpy as np
import pytest
from llvmlite import ir

from elman.engine.native import target
from elman.engine.native.doubles import DoubleBuilder
from elman.engine.native.emission import INTEGER, POINTER, counted, function, integer

SPECIAL = [
    0.0,
    -0.0,
    5e-324,
    -1e-310,
    1e-300,
    19.06,
    19.07,
    20.0,
    -20.1,
    1e308,
    math.inf,
    -math.inf,
]


@pytest.fixture(scope="module", params=[16, 8, 4])
def tanh(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(target.LANES_VARIABLE, str(request.param))
        host = target.host()
    if host.lanes < request.param:
        pytest.skip("this processor has narrower vectors")
    module = ir.Module()
    made, builder = function(module, "tanh_of", POINTER, POINTER, INTEGER)
    source, result, count = made.args
    vector = DoubleBuilder(builder, host)

    def at(pointer, index):
        return builder.gep(pointer, [index], source_etype=vector.element)

    with counted(builder, integer(0), count, vector.lanes) as index:
        vector.store(vector.tanh(vector.load(at(source, index))), at(result, index))
    builder.ret_void()
    library = target.Library.from_object(target.compile_module(module, host))
    address = library.address("tanh_of")
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(address)

    def run(values):
        padded = np.zeros(-(-len(values) // 8) * 8)
        padded[: len(values)] = values
        results = np.empty_like(padded)
        call(padded.ctypes.data, results.ctypes.data, len(padded))
        return results[: len(values)]

    run.library = library  # keeps the code in memory
    run.most, run.mean = (3, 0.55) if host.has_fma else (5, 0.7)
    return run


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no extended precision here")
def test_errors_are_a_few_units_in_the_last_place(tanh):
    generator = np.random.default_rng(0)
    values = np.concatenate(
        [
            generator.normal(size=100_000),
            generator.uniform(-21, 21, 100_000),
            np.exp(generator.uniform(-700, 3, 100_000)),
        ]
    )
    exact = np.tanh(values.astype(np.longdouble))
    errors = np.abs(tanh(values) - exact) / np.spacing(np.abs(exact.astype(np.float64)))
    assert errors.max() < tanh.most
    assert errors[:100_000].mean() < tanh.mean


def test_special_values(tanh):
    results = tanh(np.array(SPECIAL))
    np.testing.assert_array_max_ulp(results, np.tanh(SPECIAL), maxulp=2)
    assert np.abs(results).max() == 1
    assert math.copysign(1, results[1]) == -1
    assert np.isnan(tanh(np.array([math.nan, 1.0]))).tolist() == [True, False]
