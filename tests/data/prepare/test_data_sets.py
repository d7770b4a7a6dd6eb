"""Each data set's original files become what the tasks read."""

import csv
from collections import Counter

import pytest

from elman.data.prepare import DATA_SETS, prepare
from elman.errors import ConfigError, DataError


@pytest.fixture
def made(tmp_path):
    """Prepare inputs given as texts, and give the lines written."""

    def call(name, *texts, encoding="utf-8", names=None):
        names = names or [f"{n}.txt" for n in range(len(texts))]
        for file, text in zip(names, texts, strict=True):
            (tmp_path / file).write_bytes(text.encode(encoding))
        inputs = [str(tmp_path / file) for file in names]
        done = prepare(DATA_SETS[name], inputs, tmp_path / "out", force=False)
        return (tmp_path / "out").read_text("utf-8").splitlines(), done

    return call


def test_trec(made, tmp_path):
    text = "DESC:manner How did it go ?\nLOC:other Where is Málaga ?\n"
    lines, done = made("trec", text, encoding="latin-1")
    assert lines == ["text\tlabel", "How did it go ?\tDESC", "Where is Málaga ?\tLOC"]
    assert done == (2, {"DESC": 1, "LOC": 1})
    (tmp_path / "out").unlink()
    lines, _ = made("trec-fine", text, encoding="latin-1")
    assert lines[1:] == ["How did it go ?\tDESC:manner", "Where is Málaga ?\tLOC:other"]


def test_sst2_with_and_without_a_header(made, tmp_path):
    lines, done = made("sst2", "fine film\t1\nbad film\t0\n")
    assert lines == ["text\tlabel", "fine film\t1", "bad film\t0"]
    assert done.classes == {"0": 1, "1": 1}
    (tmp_path / "out").unlink()
    assert made("sst2", "sentence\tlabel\nfine film \t1\n")[0] == ["text\tlabel", "fine film\t1"]


TREES = """(3 (2 It) (4 (2 's) (3 lovely)))
(2 (2 It) (2 is))
(0 (1 dull) (? -LRB-))
"""


def test_trees_to_sentences(made, tmp_path):
    assert made("sst", TREES)[0][1:] == ["It 's lovely\t3", "It is\t2", "dull (\t0"]
    (tmp_path / "out").unlink()
    assert made("sst-binary", TREES)[0][1:] == ["It 's lovely\t1", "dull (\t0"]


def test_trees_to_phrases_once_each(made):
    lines, done = made("sst-phrases", TREES)
    assert lines[1:] == [
        "It 's lovely\t3", "It\t2", "'s lovely\t4", "'s\t2", "lovely\t3",
        "It is\t2", "is\t2", "dull (\t0", "dull\t1",
    ]  # fmt: skip
    assert done.items == 9


def test_surnames_are_mixed_the_same_way_each_time(made, tmp_path):
    german = "\n".join(f"Müller{n}" for n in range(50))
    greek = "\n".join(f"Nikos{n}" for n in range(50))
    lines, done = made("surnames", german, greek, names=["German.txt", "Greek.txt"])
    assert done == (100, {"German": 50, "Greek": 50})
    rows = [line.split("\t") for line in lines[1:]]
    assert sorted(rows) == sorted([*([n, "German"] for n in german.split()),
                                   *([n, "Greek"] for n in greek.split())])  # fmt: skip
    assert {label for _, label in rows[-10:]} == {"German", "Greek"}
    (tmp_path / "out").unlink()
    assert made("surnames", german, greek, names=["German.txt", "Greek.txt"])[0] == lines


def gesture(label, start):
    return ",".join([str(label), *(f"{start + n / 100:g}" for n in range(32))])


def test_gestures_are_steps_of_two_numbers(made, tmp_path):
    points = f"{gesture(1, 0.0)}\n{gesture(0, 5.0)}\n"
    lines, done = made("gestures", points, "\ufeffStop\r\nMove\r\n")
    assert done.classes == {"Move": 1, "Stop": 1}
    texts = {label: text for text, label in (line.split("\t") for line in lines[1:])}
    steps = [[float(x) for x in step.split(",")] for step in texts["Move"].split(" ")]
    assert steps == [[2 * n / 100, (2 * n + 1) / 100] for n in range(16)]
    (tmp_path / "out").unlink()
    assert made("gestures", points)[1].classes == {"0": 1, "1": 1}


def story(name):
    return f"1 {name} left.\n2 Is {name} here?\tno\t1\n"


def test_stories_of_one_file_keep_their_order(made):
    text = "".join(story(name) for name in "ABCDEFGHIJ")
    lines, done = made("babi", text)
    assert lines == text.splitlines()
    assert done == (10, {})


def test_stories_of_several_files_are_mixed_whole(made):
    texts = ["".join(story(f"{name}{n}") for n in range(20)) for name in "AB"]
    lines, done = made("babi", *texts)
    assert done.items == 40
    stories = ["\n".join(pair) + "\n" for pair in zip(lines[::2], lines[1::2], strict=True)]
    assert Counter(stories) == Counter(story(f"{name}{n}") for name in "AB" for n in range(20))
    assert {text[2] for text in stories[-4:]} == {"A", "B"}


def test_pronunciations(made):
    assert made("g2p", "AB\tAE B\nAB\tEY  B \n")[0] == ["AB\tAE B", "AB\tEY B"]


@pytest.mark.parametrize(
    ("name", "texts", "message"),
    [
        ("trec", ["How ?\n"], r"0.txt, line 1: expected COARSE:fine"),
        ("trec", ["LOC:other Where is Málaga ?\n"], "is UTF-8"),
        ("trec", [""], "is empty"),
        ("trec", ["A:b c\n", "A:b c\n"], "one input file is expected, got 2"),
        ("sst2", ["a film\t1\n1\ta film\n"], "line 2: expected a sentence, a tab and 0 or 1"),
        ("sst2", ["a\tfilm\t1\n"], "line 1: a tab within the text"),
        ("sst2", ["\t1\n"], "line 1: there is no text"),
        ("sst2", ["text\tlabel\n"], "no sentences in there"),
        ("sst", ["(3 (2 It) (2 is))\n(? (2 It) (2 is))\n"], "line 2: the whole sentence has no"),
        ("sst", ["(3 (2 It)\n"], "line 1, column 1: this bracket is never closed"),
        ("sst-binary", ["(2 It)\n"], "no sentences in there"),
        ("surnames", ["Abe\n"], "one language is too few"),
        ("gestures", ["0,1,2\n"], "line 1: expected a class and 32 numbers, got 2 numbers"),
        ("gestures", [gesture(0, 0).replace("0.3", "x") + "\n"], "line 1: 'x' is no number"),
        ("gestures", [gesture(0, float("nan")) + "\n"], "line 1: 'nan' is no number"),
        ("gestures", [gesture("a", 0) + "\n"], "line 1: 'a' is no class"),
        ("gestures", [gesture(2, 0) + "\n", "A\nB\n"], "class 2, and the labels name 2"),
        ("gestures", ["", "", ""], "got 3 files"),
        ("babi", ["1 Mary left.\n"], "line 1: the story that starts here has no question"),
        ("g2p", ["AB AE B\n"], "line 1: expected a word, a tab and phones"),
        ("g2p", ["AB\t \n"], "line 1: expected a word, a tab and phones"),
        ("g2p", ["AB\tAE\tB\n"], "line 1: expected a word, a tab and phones"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(made, tmp_path, name, texts, message):
    with pytest.raises(DataError, match=message):
        made(name, *texts)
    assert not (tmp_path / "out").exists()
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_folders_stand_for_their_files_in_the_order_of_their_numbers(tmp_path):
    folder = tmp_path / "tasks"
    folder.mkdir()
    for number in (10, 9):
        (folder / f"{number}.txt").write_text(f"A{number}\tAE\n")
    inputs = [str(folder)]
    with pytest.raises(DataError, match="is a folder"):
        prepare(DATA_SETS["g2p"], inputs, tmp_path / "out", force=False)
    with pytest.raises(DataError, match="expected a number"):
        prepare(DATA_SETS["babi"], inputs, tmp_path / "out", force=False)
    (folder / "9.txt").write_text("(1 nine)\n")
    (folder / "10.txt").write_text("(1 ten)\n")
    prepare(DATA_SETS["sst"], inputs, tmp_path / "out", force=False)
    assert (tmp_path / "out").read_text() == "text\tlabel\nnine\t1\nten\t1\n"


def test_a_folder_without_files_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no file whose name ends in \.txt"):
        prepare(DATA_SETS["sst"], [str(tmp_path / "empty")], tmp_path / "out", force=False)


def test_no_file_is_replaced_unasked_and_no_input_ever(tmp_path):
    source, out = tmp_path / "in.tsv", tmp_path / "out.tsv"
    source.write_text("good\t1\n")
    out.write_text("mine")
    with pytest.raises(ConfigError, match="exists"):
        prepare(DATA_SETS["sst2"], [str(source)], out, force=False)
    assert out.read_text() == "mine"
    prepare(DATA_SETS["sst2"], [str(source)], out, force=True)
    assert out.read_text() == "text\tlabel\ngood\t1\n"
    with pytest.raises(ConfigError, match="is an input"):
        prepare(DATA_SETS["sst2"], [str(source)], source, force=True)
    with pytest.raises(ConfigError, match="no folder"):
        prepare(DATA_SETS["sst2"], [str(source)], tmp_path / "no" / "out.tsv", force=True)


@pytest.mark.parametrize(
    ("name", "inputs", "items", "classes"),
    [
        ("trec", ["sentence_classification/TREC.train"], 5452, 6),
        ("trec-fine", ["sentence_classification/TREC.train"], 5452, 50),
        ("sst2", ["sst/sst2/dev.tsv"], 872, 2),
        ("sst", ["sst/trees/dev.txt"], 1101, 5),
        ("sst-binary", ["sst/trees/dev.txt"], 872, 2),
        ("surnames", ["surnames"], 20050, 18),
        (
            "gestures",
            ["hand_gesture/point_history.csv", "hand_gesture/point_history_classifier_label.csv"],
            5296,
            4,
        ),
        ("g2p", ["g2p_cmudict/g014b2b.train"], 113438, 0),
    ],
)
def test_the_distributed_files(data_folder, tmp_path, name, inputs, items, classes):
    paths = [str(data_folder / path) for path in inputs]
    done = prepare(DATA_SETS[name], paths, tmp_path / "out", force=False)
    assert (done.items, len(done.classes)) == (items, classes)
    if classes:
        with (tmp_path / "out").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
        assert len(rows) == items
        assert Counter(row["label"] for row in rows) == Counter(done.classes)
        assert all(row["text"].strip() for row in rows)
