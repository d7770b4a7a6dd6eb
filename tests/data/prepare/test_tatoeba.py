"""Pairs of sentences from a zip file, or from the text in it."""

import zipfile

import pytest

from elman.data.prepare import DATA_SETS, prepare
from elman.errors import DataError

PAIRS = [(f"Go {n}.", f"Va à {n} !") for n in range(50)]
TEXT = "".join(f"{english}\t{french}\n" for english, french in PAIRS)


@pytest.fixture
def make_zip(tmp_path):
    """Write a zip file of texts by name."""

    def call(**texts):
        path = tmp_path / "fra-eng.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                text = text if isinstance(text, bytes) else text.encode()
                archive.writestr(f"{name}.txt", text)
        return path

    return call


@pytest.fixture
def made(tmp_path):
    """Prepare a file, and give the lines written."""

    def call(path):
        done = prepare(DATA_SETS["tatoeba"], [str(path)], tmp_path / "out", force=True)
        lines = (tmp_path / "out").read_text("utf-8").splitlines()
        assert done == (len(lines), {})
        return lines

    return call


def test_pairs_are_mixed_the_same_way_from_the_zip_file_and_from_its_text(made, make_zip, tmp_path):
    lines = made(make_zip(_about="Licence.\n", fra=TEXT))
    assert sorted(lines) == sorted(TEXT.splitlines())
    assert lines != TEXT.splitlines()
    (tmp_path / "fra.txt").write_text(TEXT, "utf-8")
    assert made(tmp_path / "fra.txt") == lines


def test_a_pair_comes_once_and_a_sentence_with_each_of_its_translations(made, make_zip):
    text = "Go.\tVa !\nGo.\tAllez !\n\nGo. \t Va !\nLeave.\tVa !\n"
    assert sorted(made(make_zip(fra=text))) == ["Go.\tAllez !", "Go.\tVa !", "Leave.\tVa !"]


def test_marks_of_other_systems_and_whose_sentences_these_are_go(made, make_zip):
    text = "\ufeffGo.\tVa !\tCC-BY, by someone\r\nRun.\tCours !\tCC-BY, by someone\r\n"
    assert sorted(made(make_zip(fra=text))) == ["Go.\tVa !", "Run.\tCours !"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"fra": "Go.\tVa !\nGo.\n"}, r"fra-eng.zip, fra.txt, line 2: expected English<TAB>French"),
        ({"fra": "Go.\t \n"}, "line 1: expected English<TAB>French, got 'Go"),
        ({"fra": "Go.\tVa !\ta\tb\n"}, "line 1: expected English<TAB>French"),
        ({"fra": b"Go.\tVa !\nGo.\tVa \xe0 !\n"}, "fra.txt, line 2: not valid UTF-8"),
        ({"fra": ""}, "no pairs in there"),
        ({"_about": "Licence."}, r"expected one table .* got 0 \(it holds _about.txt\)"),
        ({"fra": TEXT, "deu": TEXT}, "expected one table .* got 2"),
        ({}, r"got 0 \(it holds nothing\)"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(made, make_zip, tmp_path, texts, message):
    with pytest.raises(DataError, match=message) as refused:
        made(make_zip(**texts))
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["fra-eng.zip"]


def test_what_is_no_whole_zip_file_is_refused(made, make_zip, tmp_path):
    whole = make_zip(fra=TEXT).read_bytes()
    cases = {
        "text": TEXT.encode(),
        "cut": whole[: len(whole) // 2],
        "damaged": whole[:60] + bytes(20) + whole[80:],
        # The flag of encryption, in both places where the archive tells of the file.
        "locked": b"".join(
            part[:at] + b"\x01" + part[at + 1 :]
            for part, at in zip(cut(whole, b"PK\x01\x02"), (6, 8), strict=True)
        ),
    }
    for name, content in cases.items():
        (tmp_path / f"{name}.zip").write_bytes(content)
        with pytest.raises(DataError, match="not a zip file, or a damaged one"):
            made(tmp_path / f"{name}.zip")
    with pytest.raises(DataError, match=r"nowhere\.zip: no such file"):
        made(tmp_path / "nowhere.zip")


def cut(content, mark):
    before, _, after = content.partition(mark)
    return before, mark + after


def test_the_distributed_file(data_folder, made):
    lines = made(data_folder / "tatoeba_eng_fra" / "fra-eng.zip")
    pairs = [line.split("\t") for line in lines]
    # 142,787 lines, of which five stand twice.
    assert len(pairs) == len({tuple(pair) for pair in pairs}) == 142_782
    assert len({english for english, _ in pairs}) == 98_659
    # The file has the short sentences first.
    first, last = (
        sum(len(english) for english, _ in part) / len(part)
        for part in (pairs[:10_000], pairs[-10_000:])
    )
    assert first == pytest.approx(last, rel=0.05)
