"""Proximity and the portfolio weighted by it: on tasks of which a meta-feature tells what works."""

import numpy as np
import pytest

from autometa.knowledge.frames import Experience
from autometa.recommenders.hybrid import Hybrid
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.recommenders.proximity import Proximity, ProximityPortfolio
from tests.recommenders.experiences import NAN, make_description, make_evaluation, make_experience


def two_worlds(n_tasks: int = 60) -> Experience:
    """Return tasks on which columns 0 to 2 are good where a meta-feature is low, and 3 to 5 where it is high."""
    rng = np.random.default_rng(0)
    is_high = np.arange(n_tasks) % 5 < 2
    losses = rng.uniform(0.5, 0.6, size=(n_tasks, 12))
    losses[~is_high, 0:3] = rng.uniform(0.1, 0.2, size=((~is_high).sum(), 3))
    losses[is_high, 3:6] = rng.uniform(0.1, 0.2, size=(is_high.sum(), 3))
    features = [
        {"telling": float(rng.uniform(1, 2) if high else rng.uniform(-2, -1)), "noise": float(rng.normal())}
        for high in is_high
    ]
    return make_experience(losses.tolist(), metafeatures=features)


LOW = make_description("low", metafeatures={"telling": -1.5, "noise": 0.0})
HIGH = make_description("high", metafeatures={"telling": 1.5, "noise": 0.0})


def test_weights_sum_to_one_and_go_to_tasks_that_are_alike() -> None:
    proximity = Proximity().fit(two_worlds())
    is_high = np.arange(60) % 5 < 2
    for description, alike in ((HIGH, is_high), (LOW, ~is_high)):
        weights = proximity.weights(description)
        assert weights.sum() == pytest.approx(1.0)
        assert (weights >= 0).all()
        assert weights[alike].sum() > 0.75


def test_the_first_pick_is_one_for_the_task_at_hand() -> None:
    experience = two_worlds()
    recommender = ProximityPortfolio().fit(experience)
    assert recommender.rank(LOW, experience.configurations)[0] in {0, 1, 2}
    assert recommender.rank(HIGH, experience.configurations)[0] in {3, 4, 5}
    plain = GreedyPortfolio().fit(experience)
    assert plain.rank(HIGH, experience.configurations)[0] in {0, 1, 2}  # three tasks of five


def test_the_second_pick_is_for_the_case_that_it_is_not_what_it_seems() -> None:
    experience = two_worlds()
    order = ProximityPortfolio().fit(experience).rank(HIGH, experience.configurations)
    assert order[1] in {0, 1, 2}


def test_expected_losses_are_those_of_tasks_that_are_alike() -> None:
    experience = two_worlds()
    recommender = ProximityPortfolio().fit(experience)
    for description, good, bad in ((LOW, 0, 3), (HIGH, 3, 0)):
        mean = recommender.predict(description, experience.configurations).mean
        assert mean[good] + 0.15 < mean[bad]


def test_without_meta_features_all_tasks_weigh_alike() -> None:
    experience = make_experience([[0.1, 0.2], [0.3, 0.1], [0.2, 0.5]], metafeatures=[{}] * 3)
    np.testing.assert_allclose(Proximity().fit(experience).weights(LOW), 1 / 3)
    one, other = (make().fit(experience) for make in (ProximityPortfolio, GreedyPortfolio))
    assert one.rank(LOW, experience.configurations) == other.rank(LOW, experience.configurations)


def test_where_all_losses_are_equal_all_tasks_weigh_alike() -> None:
    experience = make_experience([[0.2] * 4] * 5)
    np.testing.assert_allclose(Proximity().fit(experience).weights(make_description("new")), 1 / 5)
    assert sorted(Hybrid().fit(experience).rank(LOW, experience.configurations)) == [0, 1, 2, 3]


def test_a_missing_meta_feature_counts_as_usual() -> None:
    proximity = Proximity().fit(two_worlds())
    bare = make_description("bare", metafeatures={"telling": NAN})
    assert np.isfinite(proximity.weights(bare)).all()


def test_among_known_tasks_the_own_family_has_no_say() -> None:
    experience = two_worlds()
    weights = Proximity().fit(experience).weights_among_known()
    is_high = np.arange(60) % 5 < 2
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    np.testing.assert_array_equal(np.diag(weights), 0.0)
    assert weights[np.ix_(is_high, is_high)].sum(axis=1).mean() > 0.75


def test_results_that_speak_against_what_a_task_seems_to_be_are_believed() -> None:
    experience = two_worlds()
    configurations = experience.configurations
    recommender = ProximityPortfolio().fit(experience)
    # It looks low, but column 3 is far better than column 0: as it is on high tasks alone.
    observed = [make_evaluation(configurations[column], score) for column, score in ((0, 0.45), (3, 0.85))]
    assert recommender.rank(LOW, configurations)[0] in {0, 1, 2}
    assert recommender.propose(LOW, configurations, observed) in {4, 5}
    before = recommender.predict(LOW, configurations).mean
    after = recommender.predict(LOW, configurations, observed).mean
    assert before[4] > before[1]
    assert after[4] < after[1]


def test_one_result_alone_says_nothing_about_patterns() -> None:
    experience = two_worlds()
    recommender = ProximityPortfolio().fit(experience)
    one = [make_evaluation(experience.configurations[0], 0.2)]
    np.testing.assert_array_equal(
        recommender.predict(LOW, experience.configurations, one).mean,
        recommender.predict(LOW, experience.configurations).mean,
    )


def test_what_was_tried_on_few_tasks_is_first_only_where_these_are_the_ones_that_are_alike() -> None:
    experience = two_worlds()
    losses = experience.losses.copy()
    is_high = np.arange(60) % 5 < 2
    losses[:, 11] = NAN
    losses[np.flatnonzero(~is_high)[:8], 11] = 0.05  # the best by far, on 8 of 36
    losses[np.flatnonzero(is_high)[:20], 10] = 0.05  # the best on 20 of 24
    losses[~is_high, 10] = NAN
    changed = make_experience(losses.tolist(), metafeatures=[dict(d.metafeatures) for d in experience.descriptions])
    recommender = ProximityPortfolio().fit(changed)
    assert recommender.rank(LOW, changed.configurations)[0] in {0, 1, 2}
    assert recommender.rank(HIGH, changed.configurations)[0] == 10
    assert recommender.rank(LOW, changed.configurations[11:])[0] == 0, "there is no other"
