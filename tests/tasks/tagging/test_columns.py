import pytest

from elman.errors import DataError
from elman.tasks.tagging.columns import add_columns, read_blocks

CONLL = """-DOCSTART- -X- O

EU NNP O
left VBD O


# CD O
"""
UNIVERSAL = """# text = can't
1-2\tcan't\t_\t_\t_\t_\t_\t_\t_\t_
1\tca\tcan\tAUX\tMD\t_\t0\troot\t_\t_
2\tn't\tnot\tPART\tRB\t_\t1\tadvmod\t_\t_
2.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_

# the end
"""


def tagged(text, column, tags):
    blocks = list(read_blocks(text.splitlines(), "f", column))
    given = iter(tags)
    written = [add_columns(b, [[next(given) for _ in b.sentence.words]]) for b in blocks]
    return blocks, written


def test_columns_come_back_with_one_more():
    blocks, written = tagged(CONLL, None, ["A", "B", "C"])
    assert [block.sentence.words for block in blocks] == [(), ("EU", "left"), ("#",)]
    assert written == ["-DOCSTART- -X- O O", "EU NNP O A\nleft VBD O B", "# CD O C"]


def test_comments_ranges_and_empty_nodes_are_kept():
    blocks, written = tagged(UNIVERSAL, "upos", ["A", "B"])
    assert blocks[0].sentence.words == ("ca", "n't")
    assert blocks[0].sentence.numbers == (3, 4)
    lines, more = written[0].splitlines(), UNIVERSAL.splitlines()
    assert lines[0] == more[0]
    assert lines[1:] == [f"{own}\t{tag}" for own, tag in zip(more[1:5], "_AB_", strict=True)]
    assert written[1] == "# the end"


def test_several_columns_stand_in_their_order():
    (block,) = read_blocks(["EU", "left "], "f", None)
    assert add_columns(block, [["A", "B"], ["C", "D"]]) == "EU A C\nleft B D"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b\n\nc\n", "f, line 3: expected 2 columns, got 1"),
        ("\n\n", "f has no sentence"),
        ("-DOCSTART-\n", "f has no sentence"),
    ],
)
def test_what_cannot_be_tagged_is_named(text, message):
    with pytest.raises(DataError, match=message):
        list(read_blocks(text.splitlines(), "f", None))
