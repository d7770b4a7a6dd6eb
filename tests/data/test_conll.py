import pytest

from elman.data.conll import read_sentences
from elman.errors import DataError

CONLL = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O


Peter NNP I-NP I-PER
"""
CONLLU = """# text = Let's go
1-2\tLet's\t_\t_\t_\t_\t_\t_\t_\t_
1\tLet\tlet\tVERB\tVB\t_\t0\troot\t_\t_
2\t's\twe\tPRON\tPRP\t_\t1\tobj\t_\t_
2.1\tx\tx\tX\tX\t_\t_\t_\t_\t_
3\ta b\tgo\tVERB\tVB\t_\t1\txcomp\t_\t_
"""


def write(tmp_path, text):
    path = tmp_path / "words.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_conll(tmp_path):
    first, second = read_sentences(write(tmp_path, CONLL))
    assert first.words == ("EU", "rejects")
    assert first.tags == ("I-ORG", "O")
    assert first.lines == ("EU NNP I-NP I-ORG", "rejects VBZ I-VP O")
    assert (first.numbers[0], second.numbers[0]) == (3, 7)
    assert second.words == ("Peter",)


@pytest.mark.parametrize(
    ("column", "tags"), [("upos", ("VERB", "PRON", "VERB")), ("xpos", ("VB", "PRP", "VB"))]
)
def test_conllu(tmp_path, column, tags):
    (sentence,) = read_sentences(write(tmp_path, CONLLU), column)
    assert sentence.words == ("Let", "'s", "a b")
    assert sentence.tags == tags


def test_words_alone_have_no_tags(tmp_path):
    (sentence,) = read_sentences(write(tmp_path, "one\ntwo\n"))
    assert sentence.words == ("one", "two")
    assert sentence.tags == ()


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a X\nb\n", None, "line 2: expected 2 columns, got 1"),
        ("a X\n\nb Y Z\n", None, "line 3: expected 2 columns, got 3"),
        ("1\ta\tb\n", "upos", "line 1: expected 10 columns, got 3"),
        ("\n\n", None, "no sentence"),
        ("-DOCSTART- O\n", None, "no sentence"),
        (CONLLU, "part", "unknown column 'part'"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, column, message):
    with pytest.raises(DataError, match=message):
        list(read_sentences(write(tmp_path, text), column))


def test_the_real_files(data_folder):
    sentences = list(read_sentences(data_folder / "conll2003" / "eng.testa"))
    assert (len(sentences), sum(len(s.words) for s in sentences)) == (3250, 51362)
    (path,) = (data_folder / "ud_english_ewt").glob("*dev*.conllu")
    tags = {tag for sentence in read_sentences(path, "upos") for tag in sentence.tags}
    assert len(tags) == 17
