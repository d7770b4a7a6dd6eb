"""Stories with questions: the bAbI tasks (Weston et al. 2015) in one file."""

from collections.abc import Iterator, Sequence

from elman.data.babi import read_stories
from elman.data.prepare.inputs import files_of
from elman.data.prepare.item import DataSet, Item
from elman.data.prepare.shuffle import shuffled


def _stories(inputs: Sequence[str]) -> Iterator[Item]:
    files = files_of(inputs)
    stories = _in_file_order(files)
    yield from stories if len(files) == 1 else shuffled(stories)


def _in_file_order(files: Sequence[str]) -> Iterator[Item]:
    for path in files:
        for story in read_stories(path):
            yield Item("\n".join(story.lines))


BABI = DataSet(
    "files of bAbI stories to one file; those of several files shuffled", _stories, "stories"
)
