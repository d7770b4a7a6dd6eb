"""What shares a place, and what may not."""

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.derivative import derivative
from elman.engine.compiler.program import Matrix, Program, Result, Source
from elman.engine.compiler.reuse import in_place
from elman.engine.compiler.schedule import schedule
from elman.engine.compiler.simplify import simplified


def backward(results):
    """Schedule the derivative of a step, its products overwritten where they can be."""
    program = simplified(Program(tuple(Result(Source(*t), node, w) for *t, node, w in results)))
    found = in_place(derivative(program, lambda source: True))
    return found, schedule(found.program, backward=True, ragged=False, hoist=False)


def rows(build):
    return build.leaf("state", 0, 6), build.product(build.leaf("state", 0, 6), Matrix(0, True), 6)


def test_a_gradient_lies_where_the_product_was():
    build = Builder()
    _, product = rows(build)
    found, plan = backward([("state", 0, build.apply("tanh", product), 6)])
    ((_, _, gradient),) = found.weights
    assert plan.aliases[gradient.source] == (Source("product", 0), 0, 0)
    assert gradient.source not in plan.widths
    (multiply,) = plan.stages[0].products
    assert multiply.left.source == Source("product", 0)


def test_a_product_that_is_read_after_another_product_is_left_alone():
    build = Builder()
    state, product = rows(build)
    # Its value is a factor of what is added to the gradient that comes back through it.
    found, plan = backward([("state", 0, build.apply("mul", state, product), 6)])
    ((_, _, gradient),) = found.weights
    assert gradient.source not in plan.aliases


def test_a_product_that_a_weight_gradient_reads_is_left_alone():
    build = Builder()
    _, inner = rows(build)
    outer = build.product(inner, Matrix(1, True), 6)
    found, plan = backward([("state", 0, build.apply("tanh", outer), 6)])
    assert found.program.reused == ((found.weights[0].gradient.source, 1),)
    assert Source("product", 0) not in {place.source for place in plan.aliases.values()}


def test_what_a_later_loop_reads_has_one_place_for_all_rows():
    build = Builder()
    _, product = rows(build)
    slow = build.apply("exp", build.apply("sin", product))
    share = build.apply("div", slow, build.reduce("sum", slow, 6))
    program = simplified(Program((Result(Source("output", 0), share, 6),)))
    plan = schedule(program, backward=False, ragged=False, hoist=False)
    assert [source.kind for source in plan.widths].count("local") == 1
    again = build.apply("add", share, build.product(share, Matrix(1, True), 6))
    program = simplified(Program((Result(Source("state", 0), build.apply("mul", again, slow), 6),)))
    plan = schedule(program, backward=False, ragged=False, hoist=False)
    assert "scratch" in [source.kind for source in plan.widths]
