import pytest

from elman.errors import CheckpointError
from elman.tasks.labels import FILE, numbered, read_labels, write_labels


def test_what_is_written_is_read_back(tmp_path):
    contents = {"words": ["\u00e4", "b c", '"'], "lowercase": True, "scheme": None}
    write_labels(tmp_path, contents)
    assert read_labels(tmp_path, dict) == contents


def test_numbers_follow_the_order():
    assert numbered(["b", "a"]) == {"b": 0, "a": 1}
    assert numbered(["b", "a"], first=2) == {"b": 2, "a": 3}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=rf"{FILE} is missing: the run is incomplete"):
        read_labels(tmp_path, dict)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"tags": 3}', '{"words": 3}', "\ufffe"])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(CheckpointError, match=rf"{FILE} is damaged: train the model again"):
        read_labels(tmp_path, lambda read: numbered(read["words"]))
