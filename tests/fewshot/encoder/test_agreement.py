"""How much tasks agree, and how well a similarity orders them by that."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from autometa.fewshot.encoder.agreement import agreements, correlation, retrieval
from tests.recommenders.experiences import INF, NAN, make_experience


def test_the_correlation_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(5, size=30).astype(float), rng.integers(5, size=30).astype(float)
    assert correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert np.isnan(correlation(np.zeros(5), np.arange(5.0)))


def test_tasks_agree_over_what_was_tried_on_both() -> None:
    rising = [0.1 + 0.01 * column for column in range(12)]
    losses = [rising, rising[::-1], [*rising[:10], NAN, INF], [*rising[:3], *[NAN] * 9]]
    found = agreements(make_experience(losses))
    assert np.allclose(found, found.T, equal_nan=True)
    assert found[0, 0] == pytest.approx(1.0)
    assert found[0, 1] < -0.9
    assert found[0, 2] > 0.9
    assert np.isnan(found[3]).all()  # too few in common


def test_retrieval_is_judged_on_tasks_of_other_families() -> None:
    rng = np.random.default_rng(0)
    agreement = rng.uniform(size=(14, 14))
    families = tuple(str(row // 2) for row in range(14))
    right = retrieval(agreement, agreement, families, np.arange(14))
    assert right == pytest.approx(np.ones(14))
    spoiled = agreement.copy()
    for row in range(14):
        spoiled[row, row - row % 2 : row - row % 2 + 2] = 99.0  # of relatives
    assert retrieval(spoiled, agreement, families, np.arange(14)) == pytest.approx(np.ones(14))
    assert np.isnan(retrieval(agreement, agreement, ("same",) * 14, np.arange(2))).all()
