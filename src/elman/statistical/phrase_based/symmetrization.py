"""One alignment of many words to many, out of two in which each word has one."""

from collections.abc import Iterable

Point = tuple[int, int]

_NEIGHBOURS = ((0, -1), (-1, 0), (0, 1), (1, 0), (-1, -1), (1, -1), (-1, 1), (1, 1))


def grow_diag_final_and(forward: Iterable[Point], backward: Iterable[Point]) -> set[Point]:
    """Join the alignments of a sentence pair in the two directions.

    What both say is the start. Points that only one says are added where they touch a point and
    one of their words has none yet; in the end also those of which neither word has one.

    Args:
        forward: pairs of a source and a target position, of one direction.
        backward: the same of the other direction.

    Returns:
        The points of the alignment.

    Reference:
        Koehn, Och & Marcu 2003, "Statistical phrase-based translation", section 3.1; the exact
        procedure is in Koehn 2010, "Statistical machine translation", figure 4.14, whose last
        step is FINAL-AND.
    """
    first, second = set(forward), set(backward)
    points = first & second
    sources = {source for source, _ in points}
    targets = {target for _, target in points}

    def add(point: Point) -> None:
        points.add(point)
        sources.add(point[0])
        targets.add(point[1])

    # Only points of the union are ever in the alignment, hence it suffices to go through those.
    union = sorted(first | second, key=lambda point: (point[1], point[0]))
    allowed = set(union)
    grown = len(points) < len(union)
    while grown:
        grown = False
        for source, target in union:
            if (source, target) in points:
                for across, along in _NEIGHBOURS:
                    point = source + across, target + along
                    if point in allowed and (point[0] not in sources or point[1] not in targets):
                        add(point)
                        grown = True
    for direction in (first, second):
        for point in sorted(direction, key=lambda point: (point[1], point[0])):
            if point[0] not in sources and point[1] not in targets:
                add(point)
    return points
