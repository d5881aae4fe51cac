"""What tasks that are alike let expect."""

import numpy as np
import pytest

from autometa.fewshot.trend import ResidualEncoder, TrendEncoder
from autometa.recommenders.proximity import Proximity
from tests.recommenders.experiences import make_experience


@pytest.mark.parametrize("make", [TrendEncoder, ResidualEncoder])
def test_nothing_of_its_own_family_is_expected_of_a_known_task(make: type[TrendEncoder]) -> None:
    rng = np.random.default_rng(0)
    losses = rng.uniform(0.1, 0.5, (12, 6))
    families = [str(row // 2) for row in range(12)]
    features = [{"size": float(row)} for row in range(12)]
    trends = []
    for own in (losses[0], losses[0][::-1]):  # the very same but for what came of the first family
        changed = losses.copy()
        changed[:2] = own
        experience = make_experience(changed.tolist(), families=families, metafeatures=features)
        proximity = Proximity().fit(make_experience(losses.tolist(), families=families, metafeatures=features), 0)
        encoder = make(experience, proximity).fit(experience.descriptions)
        trends.append(encoder.transform(experience.descriptions)[:, :6])
    assert trends[0][:2] == pytest.approx(trends[1][:2], abs=1e-6)
    assert np.abs(trends[0][2:] - trends[1][2:]).max() > 0.01
