import math
from dataclasses import dataclass

import pytest

from elman.config import Count, Natural, NonNegative, Positive, Range, Rate, check_ranges
from elman.errors import ConfigError


@dataclass
class Settings:
    hidden_size: Count = 1
    warmup: Natural = 0
    learning_rate: Positive = 1.0
    weight_decay: NonNegative = 0.0
    dropout: Rate = 0.0
    clip: Positive | None = None
    name: str = "anything"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("hidden_size", 0, "--hidden-size must be at least 1, got 0."),
        ("warmup", -1, "--warmup must be at least 0, got -1."),
        ("learning_rate", 0.0, "--learning-rate must be above 0, got 0.0."),
        ("learning_rate", math.nan, "--learning-rate must be above 0, got nan."),
        ("weight_decay", -1e-9, "--weight-decay must be at least 0, got -1e-09."),
        ("dropout", 1.0, "--dropout must be in [0, 1), got 1.0."),
        ("dropout", -0.1, "--dropout must be in [0, 1), got -0.1."),
        ("clip", 0.0, "--clip must be above 0, got 0.0."),
    ],
)
def test_a_number_outside_its_range_is_named(name, value, allowed):
    with pytest.raises(ConfigError) as caught:
        check_ranges(Settings(**{name: value}))
    assert str(caught.value) == allowed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_size", 1),
        ("warmup", 0),
        ("learning_rate", 1e-300),
        ("weight_decay", 0.0),
        ("dropout", 0.0),
        ("dropout", 0.999),
        ("clip", None),
        ("clip", math.inf),
        ("name", ""),
    ],
)
def test_the_bounds_belong_to_the_range_as_declared(name, value):
    check_ranges(Settings(**{name: value}))


def test_a_closed_upper_bound_belongs_to_the_range():
    assert Range(1, 10).contains(10)
    assert not Range(1, 10).contains(11)
    assert str(Range(1, 10)) == "in [1, 10]"
    assert str(Range(0, 1, low_open=True)) == "in (0, 1]"
