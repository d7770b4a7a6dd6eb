import pytest

from elman.errors import ConfigError
from elman.training import TrainingOptions


@pytest.mark.parametrize(
    ("given", "stride", "horizon"),
    [
        ({}, 64, 64),
        ({"unroll": 10}, 10, 10),
        ({"unroll": 10, "stride": 3}, 3, 10),
        ({"unroll": 10, "horizon": 30}, 10, 30),
        ({"unroll": 10, "stride": 20}, 20, 20),
        ({"stride": 5, "horizon": 5}, 5, 5),
    ],
)
def test_stride_and_horizon_default_to_the_unroll(given, stride, horizon):
    options = TrainingOptions(learn="tbptt", **given)
    assert (options.batch_stride, options.batch_horizon) == (stride, horizon)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learn": "tbptt", "stride": 9, "horizon": 8}, "--stride 9 must not exceed --horizon 8"),
        ({"learn": "tbptt", "unroll": 10, "horizon": 9}, "--stride 10 must not exceed --horizon 9"),
        ({"decay": 1.5}, "--decay must be at most 1, got 1.5"),
        ({"seed": 2**32}, "--seed must be in"),
        ({"batch_size": 0}, "--batch-size must be at least 1, got 0"),
        ({"learn": "bptt", "stride": 4}, "--stride: bptt learns whole sequences"),
        ({"learn": "bptt", "horizon": 64}, "--horizon: bptt has none; leave it out"),
        ({"learn": "rtrl", "horizon": 3}, "--horizon: rtrl has none; leave it out"),
        ({"learn": "uoro", "precision": "bf16"}, "--precision bf16: uoro adds up small numbers"),
        ({"learn": "ridge", "precision": "bf16"}, "--precision bf16: ridge adds up"),
    ],
)
def test_contradictions_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        TrainingOptions(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"learn": "rtrl", "stride": 1},
        {"learn": "snap", "stride": 9, "unroll": 4},
        {"learn": "ekf", "stride": 2, "horizon": 5},
        {"learn": "tbptt", "precision": "bf16"},
        {"learn": "bptt", "precision": "bf16"},
    ],
)
def test_what_a_rule_can_use_it_may_be_given(given):
    assert TrainingOptions(**given).learn == given["learn"]
