"""Nearer and fewer places for what the loops of a step write."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from elman.engine.compiler.program import Node, Reused, Source

if TYPE_CHECKING:
    from elman.engine.compiler.schedule import Loop, Place, Schedule


def placed(schedule: "Schedule", reused: Iterable[Reused]) -> "Schedule":
    """Bring together what need not lie apart.

    What a row's loops leave to each other has one place for all rows (kind `local`), unless a
    product lies between. A result takes the place of a product where no later loop reads that.

    Args:
        schedule: a schedule with a place of its own for everything.
        reused: which results may take which products' places.

    Returns:
        The schedule with fewer places. Within a loop, features that it overwrites are read first.
    """
    schedule = _moved(schedule, _local(schedule))
    for target, number in reused:
        product = Source("product", number)
        own = [place for place in _written(schedule) if place.source == target]
        if own and _is_read_in_time(schedule, target, product):
            schedule = _moved(schedule, {target: product})
            schedule.aliases[target] = own[0]._replace(source=product, column=0)
    return schedule


def _local(schedule: "Schedule") -> dict[Source, Source]:
    """Return the buffers that are read in the stage alone that writes them, and their new names."""
    stages: dict[Source, set[int]] = {}
    for number, stage in enumerate(schedule.stages):
        for loop in stage.loops:
            touched = [store.place for store in loop.stores]
            touched += [schedule.places[node] for node in _reads(schedule, loop)]
            for place in touched:
                stages.setdefault(place.source, set()).add(number)
    return {
        source: source._replace(kind="local")
        for source, used in stages.items()
        if source.kind == "scratch" and len(used) == 1
    }


def _is_read_in_time(schedule: "Schedule", target: Source, product: Source) -> bool:
    """Say whether a product's features are read before a result would overwrite them."""
    if any(place.source == product for place in _multiplied(schedule)):
        return False
    before: set[tuple[int, int]] = set()
    for loop in (loop for stage in schedule.stages for loop in stage.loops):
        here = {
            (store.place.column, store.width)
            for store in loop.stores
            if store.place.source == target
        }
        for node in _reads(schedule, loop):
            place, part = schedule.places[node], (schedule.places[node].column, node.width)
            late = any(_overlap(part, other) for other in before | (here - {part}))
            if place.source == product and late:
                return False
        before |= here
    return True


def _multiplied(schedule: "Schedule") -> Iterator["Place"]:
    """Yield the rows that products read."""
    for stage in schedule.stages:
        for product in stage.products:
            yield product.left
            if product.initial is not None:
                yield product.initial


def _written(schedule: "Schedule") -> Iterator["Place"]:
    """Yield the places that loops write."""
    for stage in schedule.stages:
        for loop in stage.loops:
            yield from (store.place for store in loop.stores)


def _reads(schedule: "Schedule", loop: "Loop") -> set[Node]:
    """Return the values that a loop reads from memory."""
    stack = [store.node for store in loop.stores]
    stack += [node.operands[0] for node in loop.reductions]
    stack += [loop.gate] if loop.gate is not None else []
    seen: set[Node] = set()
    found: set[Node] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in schedule.places and schedule.written.get(node) is not loop:
            found.add(node)
        else:
            stack.extend(node.operands)
    return found


def _moved(schedule: "Schedule", moved: dict[Source, Source]) -> "Schedule":
    """Let what would lie in some buffers lie in others, of the same width."""

    def there(place: "Place") -> "Place":
        return place._replace(source=moved.get(place.source, place.source))

    stages = []
    for stage in schedule.stages:
        for loop in stage.loops:
            loop.stores[:] = [store._replace(place=there(store.place)) for store in loop.stores]
        products = tuple(
            product._replace(
                left=there(product.left),
                initial=product.initial and there(product.initial),
                result=there(product.result),
            )
            for product in stage.products
        )
        stages.append(stage._replace(products=products))
    places = {node: there(place) for node, place in schedule.places.items()}
    aliases = {target: there(place) for target, place in schedule.aliases.items()}
    widths = {moved.get(source, source): width for source, width in schedule.widths.items()}
    return schedule._replace(stages=tuple(stages), places=places, aliases=aliases, widths=widths)


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Say whether two ranges, given as start and width, have something in common."""
    return one[0] < other[0] + other[1] and other[0] < one[0] + one[1]
