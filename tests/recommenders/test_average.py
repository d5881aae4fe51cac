"""Best on average, against a hand calculation."""

import numpy as np

from autometa.recommenders.average import BestOnAverage
from tests.recommenders.experiences import INF, NAN, make_description, make_evaluation, make_experience

NEW = make_description("new", metafeatures={"size": 5.0})
# Normalised: (0, 1, 1), (1, 0, not tried), (1, failed = 1, 0)
EXPERIENCE = make_experience([[0.1, 0.2, 0.3], [0.4, 0.2, NAN], [0.3, INF, 0.2]])


def test_means_and_spreads_are_those_of_a_hand_calculation() -> None:
    prediction = BestOnAverage().fit(EXPERIENCE).predict(NEW, EXPERIENCE.configurations)
    # One task's worth of the unknown (mean 1, std 0.5) is added to the tasks where it was tried.
    np.testing.assert_allclose(prediction.mean, [(0 + 1 + 1 + 1) / 4, (1 + 0 + 1 + 1) / 4, (1 + 0 + 1) / 3])
    first = (0.75**2 + 3 * 0.25**2 + 0.25) / 4
    np.testing.assert_allclose(prediction.std**2, [first, first, ((1 / 3) ** 2 * 2 + (2 / 3) ** 2 + 0.25) / 3])


def test_the_order_is_that_of_the_means() -> None:
    recommender = BestOnAverage().fit(EXPERIENCE)
    assert recommender.rank(NEW, EXPERIENCE.configurations) == (2, 0, 1)  # 2/3, then 3/4 twice, by key


def test_the_new_task_changes_nothing_but_its_level() -> None:
    recommender = BestOnAverage().fit(EXPERIENCE)
    here, there = (make_description("a", metafeatures={"linear_discr_auc": auc}) for auc in (0.9, 0.6))
    one, other = (recommender.predict(description, EXPERIENCE.configurations) for description in (here, there))
    np.testing.assert_array_equal(one.mean, other.mean)
    assert one.location < other.location, "quick learners find the first task easier"


def test_what_was_observed_changes_no_expectation() -> None:
    recommender = BestOnAverage().fit(EXPERIENCE)
    observed = [make_evaluation(EXPERIENCE.configurations[0], 0.1)]
    one = recommender.predict(NEW, EXPERIENCE.configurations)
    other = recommender.predict(NEW, EXPERIENCE.configurations, observed)
    np.testing.assert_array_equal(one.mean, other.mean)
    assert recommender.rank(NEW, EXPERIENCE.configurations, observed) == (2, 1)


def test_every_task_speaks_for_what_was_good_on_it() -> None:
    support = BestOnAverage().fit(EXPERIENCE).support(NEW, EXPERIENCE.configurations)
    np.testing.assert_allclose(support, [[1, 0, 0], [0, 1, 0], [0, 0, 1]], atol=1e-12)
