import math

import numpy as np
import pytest

from elman.metrics import filling_summary


def test_summary_of_known_gaps():
    probabilities = np.array([0.5, 0.25, 0.125, 0.125])
    found = filling_summary(np.log(probabilities), np.array([1, 3, 1, 100]), sentences=2)
    assert found == {
        "sentences": 2,
        "words": 4,
        "loss": pytest.approx(math.log(2) * 9 / 4),
        "pseudo_perplexity": pytest.approx(2 ** (9 / 4)),
        "accuracy": 0.5,
        "mean_rank": 26.25,
        "median_rank": 2.0,
    }


def test_no_gap_has_no_summary():
    with pytest.raises(ValueError, match="at least one gap"):
        filling_summary(np.zeros(0), np.zeros(0, dtype=int), sentences=0)
