import math

import numpy as np
import pytest

from elman.metrics import bootstrap, paired_bootstrap


def random_systems(systems, segments, seed=0):
    generator = np.random.default_rng(seed)
    counts = np.tile(generator.integers(1, 30, segments), (systems, 1))
    shared = generator.gamma(4.0, 0.5, segments)
    losses = counts * (shared + generator.normal(0.0, 0.1, (systems, segments)) + 1.0)
    return losses, counts


def test_agrees_with_resampling_one_text_at_a_time():
    losses, counts = random_systems(3, 40)
    compared = paired_bootstrap(
        losses, counts, np.random.default_rng(5), resamples=200, confidence=0.9
    )
    generator = np.random.default_rng(5)
    texts = []
    for _ in range(200):
        times = generator.multinomial(40, np.full(40, 1 / 40))
        texts.append(
            [
                sum(n * x for n, x in zip(times, losses[s], strict=True))
                / sum(n * c for n, c in zip(times, counts[s], strict=True))
                for s in range(3)
            ]
        )
    for system, result in enumerate(compared):
        means = sorted(text[system] for text in texts)
        perplexities = [math.exp(mean) for mean in means]
        differences = sorted(text[system] - text[0] for text in texts)
        gaps = sorted(math.exp(text[system]) - math.exp(text[0]) for text in texts)
        overall = losses[system].sum() / counts[system].sum()
        assert result.loss == pytest.approx((overall, means[9], means[189]))
        assert result.perplexity == pytest.approx(
            (math.exp(overall), perplexities[9], perplexities[189])
        )
        assert result.loss_difference[1:] == pytest.approx((differences[9], differences[189]))
        assert result.perplexity_difference[1:] == pytest.approx((gaps[9], gaps[189]))


def test_drawing_in_blocks_changes_nothing(monkeypatch):
    losses, counts = random_systems(2, 50)
    whole = paired_bootstrap(losses, counts, np.random.default_rng(1), resamples=101)
    monkeypatch.setattr(bootstrap, "COUNTS_AT_ONCE", 350)
    blocks = paired_bootstrap(losses, counts, np.random.default_rng(1), resamples=101)
    np.testing.assert_allclose(np.array(whole), np.array(blocks), rtol=1e-12)


def test_intervals_of_means_have_the_width_of_theory():
    generator = np.random.default_rng(2)
    losses = generator.normal(3.0, 1.0, (1, 2_000))
    (result,) = paired_bootstrap(
        losses, np.ones((1, 2_000), dtype=np.int64), generator, resamples=2_000
    )
    half_width = 1.96 * losses.std() / math.sqrt(2_000)
    assert result.loss.high - losses.mean() == pytest.approx(half_width, rel=0.1)
    assert losses.mean() - result.loss.low == pytest.approx(half_width, rel=0.1)


def test_pairing_makes_differences_sharper_than_either_mean():
    losses, counts = random_systems(2, 300)
    _, second = paired_bootstrap(losses, counts, np.random.default_rng(3))
    width = second.loss.high - second.loss.low
    assert second.loss_difference.high - second.loss_difference.low < width / 4


def test_a_system_does_not_differ_from_itself():
    losses, counts = random_systems(2, 20)
    first, same = paired_bootstrap(
        np.stack([losses[0], losses[0]]), counts, np.random.default_rng(0)
    )
    assert first.loss_difference == same.loss_difference == (0.0, 0.0, 0.0)
    assert first.loss == same.loss


def test_seeds_reproduce():
    losses, counts = random_systems(2, 30)
    runs = [paired_bootstrap(losses, counts, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_hopeless_system_has_infinite_perplexity_without_warning():
    losses, counts = random_systems(2, 30)
    losses[1] *= 1e4
    _, hopeless = paired_bootstrap(losses, counts, np.random.default_rng(0))
    assert hopeless.perplexity == (math.inf, math.inf, math.inf)
    assert hopeless.perplexity_difference.estimate == math.inf


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"losses": np.ones((2, 0)), "counts": np.ones((2, 0), dtype=int)}, "not empty"),
        ({"counts": np.array([[1, 1], [1, 0]])}, "without tokens"),
        ({"resamples": 0}, "resamples"),
        ({"confidence": 1.0}, "confidence"),
    ],
)
def test_wrong_arguments_are_refused(change, message):
    arguments = {"losses": np.ones((2, 2)), "counts": np.ones((2, 2), dtype=int), **change}
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(generator=np.random.default_rng(0), **arguments)
