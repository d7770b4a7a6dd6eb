import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from elman.data import Tokenizer, read_lines
from elman.errors import CheckpointError, ConfigError, DataError

DATA = Path(os.environ.get("ELMAN_DATA", Path(__file__).parents[2] / "../shared/data"))
UNITS = ["char", "word", "bpe"]
LINES = [
    "the cat sat on the mat .",
    "",
    "the <unk> sat , \u00e9t\u00e9 \u65e5\u672c \U0001f600",
    "  two  blanks the cat 's",
]
WHITE = "".join(chr(code) for code in range(sys.maxunicode) if chr(code).isspace())
TOKENIZERS = {unit: Tokenizer.train(LINES, unit) for unit in UNITS}
ALPHABET = sorted({*"".join(LINES), "\n"})
SEEN_TEXT = st.text(st.sampled_from(ALPHABET), max_size=40)
ANY_TEXT = st.text(max_size=40)
IDS = st.lists(st.integers(0, 10**6), max_size=40)


def stream_of(tokenizer, ids):
    stream = tokenizer.decode_stream()
    return "".join([*map(stream.feed, ids), stream.finish()])


@given(SEEN_TEXT)
def test_characters_come_back_exactly(text):
    tokenizer = TOKENIZERS["char"]
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert ids.tolist() == [ALPHABET.index(character) for character in text]


@given(ANY_TEXT)
def test_byte_level_pieces_come_back_exactly(text):
    tokenizer = TOKENIZERS["bpe"]
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert np.count_nonzero(ids == tokenizer.boundary) == text.count("\n")


@given(st.lists(st.lists(st.sampled_from(["the", "cat", "mat", ".", "<unk>"])), min_size=1))
def test_words_come_back_with_single_spaces(lines):
    tokenizer = TOKENIZERS["word"]
    text = "\n".join(" ".join(line) for line in lines)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.encode(text.replace(" ", " \t\u00a0 ")).tolist() == ids.tolist()
    assert len(ids) == sum(map(len, lines)) + len(lines) - 1


@given(st.lists(SEEN_TEXT.map(lambda text: text.replace("\n", "")), max_size=5))
def test_lines_are_the_text_cut_at_line_ends(lines):
    for tokenizer in TOKENIZERS.values():
        encoded = tokenizer.encode_lines(lines)
        assert len(encoded) == len(lines)
        assert all(ids[-1] == tokenizer.boundary for ids in encoded)
        whole = tokenizer.encode("".join(line + "\n" for line in lines))
        assert [id for ids in encoded for id in ids.tolist()] == whole.tolist()


@given(IDS)
def test_streamed_parts_join_to_the_decoded_text(ids):
    for tokenizer in TOKENIZERS.values():
        ids = [id % tokenizer.vocabulary_size for id in ids]
        assert stream_of(tokenizer, ids) == tokenizer.decode(ids)


@given(IDS)
def test_byte_level_decoding_is_that_of_the_library(tmp_path_factory, ids):
    tokenizer = TOKENIZERS["bpe"]
    path = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    tokenizer.save(path)
    ids = [id % tokenizer.vocabulary_size for id in ids]
    assert tokenizer.decode(ids) == tokenizers.Tokenizer.from_file(str(path)).decode(ids)


def test_multi_byte_characters_are_held_back_until_complete():
    tokenizer = Tokenizer.train(["ab"], "bpe")
    stream = tokenizer.decode_stream()
    shown = [stream.feed(id) for id in tokenizer.encode("a\U0001f600b").tolist()]
    assert shown == ["a", "", "", "", "\U0001f600", "b"]
    assert stream.finish() == ""
    unfinished = tokenizer.encode("a\U0001f600")[:3].tolist()
    assert stream_of(tokenizer, unfinished) == "a\ufffd" == tokenizer.decode(unfinished)


@given(ANY_TEXT | st.text(st.sampled_from(WHITE + "ab"), max_size=20))
def test_the_saved_file_means_the_same_to_the_library(tmp_path_factory, text):
    for unit, tokenizer in TOKENIZERS.items():
        path = tmp_path_factory.mktemp(unit) / "tokenizer.json"
        tokenizer.save(path)
        library = tokenizers.Tokenizer.from_file(str(path))
        if unit == "char":
            text = "".join(character for character in text if character in ALPHABET)
        if unit == "word":
            text = text.replace("\n", " ")
            assert library.encode(text).ids == tokenizer.encode_lines([text])[0].tolist()
        else:
            assert library.encode(text).ids == tokenizer.encode(text).tolist()


@pytest.mark.parametrize("unit", UNITS)
def test_saved_loaded_and_pickled_tokenizers_are_the_same(tmp_path, unit):
    tokenizer = TOKENIZERS[unit]
    tokenizer.save(tmp_path / "tokenizer.json")
    assert [file.name for file in tmp_path.iterdir()] == ["tokenizer.json"]
    text = "the dog\nsat" if unit != "char" else "the cat\nsat"
    for copy in (
        Tokenizer.load(tmp_path / "tokenizer.json"),
        pickle.loads(pickle.dumps(tokenizer)),
    ):
        assert (copy.unit, copy.vocabulary_size) == (unit, tokenizer.vocabulary_size)
        assert (copy.boundary, copy.unknown) == (tokenizer.boundary, tokenizer.unknown)
        assert copy.encode(text).tolist() == tokenizer.encode(text).tolist()
        assert copy.decode(copy.encode(text)) == tokenizer.decode(tokenizer.encode(text))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\xff\x00",
        b'{"version": "1.0"}',
        tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, unk_token="a"))
        .to_str()
        .encode(),
        tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0}, [])).to_str().encode(),
        tokenizers.Tokenizer(tokenizers.models.BPE({"\u4e00": 0}, [])).to_str().encode(),
        tokenizers.Tokenizer(tokenizers.models.Unigram()).to_str().encode(),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a usable tokenizer") as caught:
        Tokenizer.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        Tokenizer.load(tmp_path / "tokenizer.json")


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "<unk>", "<eos>"])), min_size=1),
    st.data(),
)
def test_word_ids_follow_frequency_then_the_alphabet(lines, data):
    counts = Counter(word for line in lines for word in line)
    unknown = counts.pop("<unk>", 0) + counts.pop("<eos>", 0)
    size = data.draw(st.none() | st.integers(3, max(3, len(counts) + 2)))
    kept = sorted(counts, key=lambda word: (-counts[word], word))[: size and size - 2]
    if size is not None and size > len(counts) + 2:
        with pytest.raises(ConfigError, match=f"offers {len(counts) + 2} tokens"):
            Tokenizer.train((" ".join(line) for line in lines), "word", size)
        return
    tokenizer = Tokenizer.train((" ".join(line) for line in lines), "word", size)
    final = {word: counts[word] for word in kept}
    final["<unk>"] = unknown + sum(count for word, count in counts.items() if word not in kept)
    final["<eos>"] = len(lines)
    expected = sorted(final, key=lambda word: (-final[word], word))
    assert [tokenizer.token(id) for id in range(tokenizer.vocabulary_size)] == expected
    encoded = np.concatenate(tokenizer.encode_lines([" ".join(line) for line in lines]))
    assert Counter(tokenizer.token(id) for id in encoded.tolist()) == Counter(final)


@pytest.mark.parametrize(
    ("unit", "size", "message"),
    [
        ("char", 4, "has 3 distinct"),
        ("char", 2, "has 3 distinct"),
        ("word", 2, "offers 4 tokens"),
        ("word", 5, "offers 4 tokens"),
        ("bpe", 256, "257 or more"),
        ("bpe", 300, "offers 256 byte-level"),
        ("syllable", None, "choose from char, word, bpe"),
    ],
)
def test_sizes_the_text_does_not_allow(unit, size, message):
    with pytest.raises(ConfigError, match=message):
        Tokenizer.train(["ab", "b"], unit, size)


def test_sizes_the_text_allows():
    assert Tokenizer.train(["ab", "b"], "char", 3).vocabulary_size == 3
    assert Tokenizer.train(["ab", "b"], "word", 4).vocabulary_size == 4
    assert Tokenizer.train(["ab ab ab"], "bpe", 257).vocabulary_size == 257
    assert Tokenizer.train(["ab ab ab"], "bpe").vocabulary_size == 258


def test_unseen_characters_are_named_with_their_code_points():
    tokenizer = TOKENIZERS["char"]
    with pytest.raises(DataError) as caught:
        tokenizer.encode("the \u1234 Q\udc80 \U0010ffff Q", where="a.txt, line 3")
    message = str(caught.value)
    assert message.startswith("a.txt, line 3: ")
    assert "'Q' (U+0051), '\u1234' (U+1234), '\\udc80' (U+DC80)" in message
    assert "(U+10FFFF)" in message
    message.encode("utf-8")
    with pytest.raises(DataError, match="and 16 more"):
        tokenizer.encode("".join(map(chr, range(0x400, 0x41A))))


def test_unseen_words_and_bytes():
    word = TOKENIZERS["word"]
    assert word.decode(word.encode("the zebra \udc80")) == "the <unk> <unk>"
    assert word.unknown == word.encode("<unk>")[0]
    assert TOKENIZERS["bpe"].unknown is None
    assert TOKENIZERS["char"].unknown is None
    with pytest.raises(DataError, match=r"here: U\+DC80 is half"):
        TOKENIZERS["bpe"].encode("a\udc80", where="here")


def test_tokens_are_shown_printable():
    for unit in ("char", "bpe"):
        tokenizer = TOKENIZERS[unit]
        assert tokenizer.token(tokenizer.boundary) == "\\n"
        assert tokenizer.token(int(tokenizer.encode("c")[0])) == "c"
    word = TOKENIZERS["word"]
    assert word.token(word.boundary) == "<eos>"
    assert word.token(int(word.encode("\u00e9t\u00e9")[0])) == "\u00e9t\u00e9"


@pytest.mark.parametrize("id", [-1, 10**6])
def test_ids_outside_the_vocabulary_are_refused(id):
    for tokenizer in TOKENIZERS.values():
        with pytest.raises(ValueError, match="expects ids from 0 to"):
            tokenizer.decode([0, id])
        with pytest.raises(ValueError, match="expects ids from 0 to"):
            tokenizer.token(id)


def test_byte_pair_training_is_the_same_in_every_process(tmp_path):
    """Hash seeds and thread counts differ between processes; the merges must not."""
    script = (
        "import sys; from elman.data import Tokenizer\n"
        "lines = [f'w{i % 37} v{i % 11}{i % 7} {i}' for i in range(2000)]\n"
        "Tokenizer.train(lines, 'bpe', 400).save(sys.argv[1])"
    )
    for place in range(2):
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / str(place))],
            env={**os.environ, "PYTHONHASHSEED": str(place), "RAYON_NUM_THREADS": str(place + 1)},
            check=True,
        )
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


def test_penn_treebank_counts():
    folder = DATA / "ptb"
    if not folder.exists():
        pytest.skip("needs ptb under ELMAN_DATA")
    train = list(read_lines(folder / "ptb.train.txt"))
    tokenizer = Tokenizer.train(train, "word")
    assert tokenizer.vocabulary_size == 10_000
    assert sum(map(len, tokenizer.encode_lines(train))) == 929_589
    valid = tokenizer.encode_lines(list(read_lines(folder / "ptb.valid.txt")))
    assert sum(map(len, valid)) == 73_760


def test_tinyshakespeare_counts():
    path = DATA / "tinyshakespeare" / "input.txt"
    if not path.exists():
        pytest.skip("needs tinyshakespeare under ELMAN_DATA")
    tokenizer = Tokenizer.train(read_lines(path), "char")
    assert tokenizer.vocabulary_size == 65
    ids = np.concatenate(tokenizer.encode_lines(list(read_lines(path))))
    assert len(ids) == 1_115_394
    assert tokenizer.decode(ids) == path.read_text()
