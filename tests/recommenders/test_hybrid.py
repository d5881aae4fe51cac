"""The hybrid: whose order it takes when, and how it mixes two."""

from collections.abc import Sequence

import numpy as np
import pytest

from autometa.errors import OptionError
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.gaussian import ProximityGaussian
from autometa.recommenders.hybrid import GATE, N_PLACES, N_TOLD, Hybrid
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.recommenders.proximity import ProximityPortfolio
from autometa.space import Configuration
from autometa.task import TaskDescription
from tests.recommenders.experiences import NAN, make_description, make_evaluation, make_experience

HIGH = make_description("high", metafeatures={"telling": 1.5})


def tasks(n_tasks: int, n_configurations: int, seed: int = 0) -> Experience:
    """Return tasks with a meta-feature and losses that have nothing to do with it."""
    rng = np.random.default_rng(seed)
    features = [{"telling": value} for value in rng.normal(size=n_tasks).tolist()]
    return make_experience(rng.uniform(0.1, 0.9, size=(n_tasks, n_configurations)).tolist(), metafeatures=features)


def test_the_hybrid_is_the_portfolio_at_first_and_the_gaussian_later() -> None:
    begin, end = GATE
    rng = np.random.default_rng(0)
    experience = tasks(30, end + 6)
    configurations = experience.configurations
    hybrid, first, later = (make().fit(experience) for make in (Hybrid, ProximityPortfolio, ProximityGaussian))
    observed = [make_evaluation(c, float(rng.uniform(0.5, 0.9))) for c in configurations[:end]]
    n_between = 0
    for n in range(end + 1):
        orders = [each.rank(HIGH, configurations, observed[:n]) for each in (hybrid, first, later)]
        assert hybrid.propose(HIGH, configurations, observed[:n]) == orders[0][0]
        assert hybrid.rank(HIGH, configurations, observed[:n], 3) == orders[0][:3]
        assert sorted(orders[0]) == list(range(n, end + 6))
        if n <= begin:
            assert orders[0] == orders[1]
        n_between += begin < n < end and orders[0] not in orders[1:]
        losses = [each.predict(HIGH, configurations, observed[:n]).losses for each in (hybrid, first, later)]
        np.testing.assert_array_equal(losses[0], losses[1 if n < N_TOLD else 2])
        assert n < 2 or (losses[1] != losses[2]).any()
    assert orders[0] == orders[2] != orders[1]
    assert n_between >= 3
    failures = [make_evaluation(c, None) for c in configurations[:end]]
    assert hybrid.rank(HIGH, configurations, failures) == first.rank(HIGH, configurations, failures)


def test_between_the_two_the_hybrid_goes_by_the_geometric_mean_of_places() -> None:
    rng = np.random.default_rng(1)
    experience = tasks(30, 12, seed=1)
    configurations = experience.configurations
    hybrid = Hybrid(gate=(1, 5)).fit(experience)
    observed = [make_evaluation(c, float(rng.uniform(0.5, 0.9))) for c in configurations[:2]]  # a quarter of the way
    by_portfolio, by_results = (each.rank(HIGH, configurations, observed) for each in (hybrid.first_, hybrid.later_))
    means = {p: (by_portfolio.index(p) + 1) ** 0.75 * (by_results.index(p) + 1) ** 0.25 for p in by_results}
    assert list(hybrid.rank(HIGH, configurations, observed)) == sorted(by_results, key=lambda p: means[p])


class Fixed(ProximityGaussian):
    """Ranks in an order that was given."""

    def __init__(self, order: tuple[int, ...]) -> None:
        self.order = order

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        return self.order[:n]

    def n_told(self, observed: Sequence[Evaluation]) -> int:
        return len(observed)


def mixed(by_portfolio: tuple[int, ...], by_results: tuple[int, ...], n_results: int) -> tuple[int, ...]:
    """Return the order of a hybrid whose experts have these, after so many results."""
    experience = tasks(9, len(by_results))
    hybrid = Hybrid().fit(experience)
    proximity, hybrid.later_ = hybrid.first_.proximity_, Fixed(by_results)
    hybrid.first_ = Fixed(by_portfolio)  # type: ignore[assignment]  # only its order counts
    hybrid.first_.proximity_ = proximity
    observed = [make_evaluation(experience.configurations[0], 0.5)] * n_results
    return hybrid.rank(HIGH, experience.configurations, observed)


def test_of_equal_means_the_results_decide() -> None:
    # After 4 results the Gaussian has a third: places (1, 4) and (2, 1) are both worth 4 ** (1 / 3).
    assert mixed((0, 1, 2, 3, 4), (1, 2, 3, 0, 4), 4)[:2] == (1, 0)


def test_what_either_expert_puts_far_behind_counts_alike_there() -> None:
    n = 2 * N_PLACES + 5
    by_portfolio, by_results = tuple(range(n)), tuple(reversed(range(n)))
    order = mixed(by_portfolio, by_results, 5)  # half of the way
    assert set(order[:2]) == {0, n - 1}
    both_behind = [p for p in order if N_PLACES <= p < n - N_PLACES]
    assert both_behind == [p for p in by_results if N_PLACES <= p < n - N_PLACES]
    assert sorted(order) == list(range(n))


def test_a_gate_that_ends_before_it_opens_is_refused() -> None:
    with pytest.raises(OptionError, match=r"got \(3, 3\)"):
        Hybrid(gate=(3, 3))


def test_on_a_task_of_which_no_metafeature_is_known_the_hybrid_is_the_plain_portfolio() -> None:
    experience = tasks(60, 12)
    configurations = experience.configurations
    unshared = [{**known.metafeatures, "lacking": NAN} for known in experience.descriptions]
    experience = make_experience(experience.losses.tolist(), metafeatures=unshared)
    blank = make_description("blank", metafeatures={"telling": NAN, "lacking": 1.0, "another": 1.0})
    hybrid, first, plain = (make().fit(experience) for make in (Hybrid, ProximityPortfolio, GreedyPortfolio))
    assert hybrid.rank(blank, configurations) == plain.rank(blank, configurations) != first.rank(blank, configurations)
    np.testing.assert_array_equal(hybrid.support(blank, configurations), plain.support(blank, configurations))
    odd = make_description("odd", metafeatures={"telling": 1e6, "noise": -1e6})
    assert hybrid.rank(odd, configurations) == first.rank(odd, configurations)
    assert hybrid.rank(HIGH, configurations) == first.rank(HIGH, configurations)
    known = experience.descriptions[0]
    assert hybrid.rank(known, configurations) == first.rank(known, configurations)
