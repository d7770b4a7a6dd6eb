from dataclasses import dataclass
from typing import Literal

import pytest

from elman.config import Count, from_mapping, read_toml, write_toml
from elman.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    cell: Literal["lstm", "gru"] = "lstm"
    hidden_size: Count = 8
    learning_rate: float = 0.1
    order: Count | None = None
    tie: bool = False
    data: tuple[str, ...] = ()
    name: str = ""


def test_values_are_taken_as_they_are():
    values = {"cell": "gru", "hidden_size": 3, "order": 2, "tie": True, "data": ["a", "b"]}
    settings = from_mapping(Settings, values, "f.toml")
    assert settings == Settings("gru", 3, 0.1, 2, True, ("a", "b"))


def test_a_whole_number_may_stand_for_a_float():
    rate = from_mapping(Settings, {"learning_rate": 2}, "f.toml").learning_rate
    assert (rate, type(rate)) == (2.0, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_sise": 3}, "f.toml: unknown setting 'hidden_sise'; did you mean 'hidden_size'?"),
        ({"zzz": 3}, "f.toml: unknown setting 'zzz'."),
        ({"cell": "rnn"}, "f.toml: cell must be one of lstm, gru, got 'rnn'."),
        ({"hidden_size": 3.0}, "f.toml: hidden_size must be of type int, got 3.0."),
        ({"hidden_size": True}, "f.toml: hidden_size must be of type int, got True."),
        ({"hidden_size": "3"}, "f.toml: hidden_size must be of type int, got '3'."),
        ({"tie": 1}, "f.toml: tie must be of type bool, got 1."),
        ({"order": "x"}, "f.toml: order must be of type int, got 'x'."),
        ({"name": ["a"]}, "f.toml: name must be of type str, got ['a']."),
        ({"data": [1]}, "f.toml: data must be of type str, got 1."),
        ({"data": "a"}, "f.toml: data must be of type tuple, got 'a'."),
    ],
)
def test_a_wrong_key_or_value_is_named(values, message):
    with pytest.raises(ConfigError) as caught:
        from_mapping(Settings, values, "f.toml")
    assert str(caught.value) == message


def test_what_is_written_is_read_again_without_the_missing_values(tmp_path):
    path = tmp_path / "c.toml"
    values = {"text": 'quo"ted\n\\ ü', "none": None, "list": ["a"], "rate": 1e-3, "yes": True}
    write_toml(path, values)
    assert read_toml(path) == {key: value for key, value in values.items() if value is not None}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"a = 1\nb = \n", "line 2"),
        (b"a = 1\na = 2\n", "line 2"),
        (b"a = '\xff'", "0xff"),
    ],
)
def test_a_file_that_is_not_toml_is_named_with_the_place(tmp_path, content, part):
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_toml(path)
    assert str(caught.value).startswith(f"{path}: not a TOML file")
    assert part in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nothere\.toml: there is no such file"):
        read_toml(tmp_path / "nothere.toml")
