"""The conditional Gaussian, against draws from one and against what must not matter."""

import numpy as np
import pytest

from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.metric import get_metric
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.gaussian import ConditionalGaussian
from autometa.task_kind import TaskKind
from tests.recommenders.experiences import make_description, make_evaluation, make_experience

RMSE = get_metric("rmse", TaskKind.REGRESSION)
NEW = make_description("new", kind=TaskKind.REGRESSION)
N_TASKS, N_CONFIGURATIONS = 200, 30
LOADINGS = np.random.default_rng(0).normal(size=(2, N_CONFIGURATIONS))
MEAN = np.random.default_rng(1).uniform(1.0, 3.0, size=N_CONFIGURATIONS)


def draw(rng: np.random.Generator, n_tasks: int) -> np.ndarray:
    """Return losses, (n_tasks, n_configurations), that two hidden traits of a task decide, nearly without noise."""
    traits = rng.normal(size=(n_tasks, 2))
    noise = 0.02 * rng.normal(size=(n_tasks, N_CONFIGURATIONS))
    return np.asarray(10.0 + MEAN + traits @ (0.5 * LOADINGS) + noise)


@pytest.fixture(scope="module")
def experience() -> Experience:
    losses = draw(np.random.default_rng(2), N_TASKS)
    units = np.random.default_rng(3).uniform(0.1, 100.0, size=(N_TASKS, 1))
    return make_experience((losses * units).tolist(), kind=TaskKind.REGRESSION, metric="rmse")


def told(experience: Experience, losses: np.ndarray, columns: list[int]) -> list[Evaluation]:
    """Return evaluations of these columns with these losses."""
    return [
        make_evaluation(experience.configurations[column], float(losses[column]), metric="rmse") for column in columns
    ]


def test_a_few_results_tell_the_others(experience: Experience) -> None:
    recommender = ConditionalGaussian().fit(experience)
    errors, naive = [], []
    for losses in draw(np.random.default_rng(4), 20):
        posterior = recommender.posterior(NEW, told(experience, losses, list(range(8))))
        assert posterior is not None
        errors.append(np.abs(posterior.mean - losses)[8:].mean())
        guess = MEAN + (losses[:8] - MEAN[:8]).mean()
        naive.append(np.abs(guess - losses)[8:].mean())
    assert np.mean(errors) < 0.6 * np.mean(naive)


def test_it_finds_the_best_sooner_than_the_average(experience: Experience) -> None:
    reached = {}
    for make in (ConditionalGaussian, BestOnAverage):
        recommender = make().fit(experience)
        found = []
        for losses in draw(np.random.default_rng(5), 15):
            observed: list[Evaluation] = []
            for _ in range(4):
                position = recommender.propose(NEW, experience.configurations, observed)
                observed += told(experience, losses, [position])
            scores = [evaluation.score("rmse") for evaluation in observed]
            found.append((min(scores) - losses.min()) / (np.median(losses) - losses.min()))
        reached[make.name] = np.mean(found)
    assert reached["gaussian"] < 0.5 * reached["average"]


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_the_unit_of_the_target_does_not_matter(experience: Experience, factor: float) -> None:
    # So many results that what is known of the width beforehand plays no part.
    recommender = ConditionalGaussian().fit(experience)
    losses = draw(np.random.default_rng(6), 1)[0]
    one, other = (
        recommender.posterior(NEW, told(experience, unit * losses, list(range(20)))) for unit in (1.0, factor)
    )
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(other.mean / factor, one.mean, atol=0.3)


def test_what_was_observed_is_expected_again_and_not_proposed(experience: Experience) -> None:
    recommender = ConditionalGaussian().fit(experience)
    losses = draw(np.random.default_rng(7), 1)[0]
    observed = told(experience, losses, [3, 1, 4, 5, 9, 2, 6])
    posterior = recommender.posterior(NEW, observed)
    assert posterior is not None
    seen = [3, 1, 4, 5, 9, 2, 6]
    np.testing.assert_allclose(posterior.mean[seen], losses[seen], atol=0.15)
    assert posterior.least == losses[seen].min()
    assert not set(recommender.rank(NEW, experience.configurations, observed)) & set(seen)


def test_a_diverged_run_does_not_decide_alone(experience: Experience) -> None:
    recommender = ConditionalGaussian().fit(experience)
    losses = draw(np.random.default_rng(8), 1)[0]
    columns = list(range(10))
    wild = losses.copy()
    wild[9] = 1e12
    one, other = (recommender.posterior(NEW, told(experience, each, columns)) for each in (losses, wild))
    assert one is not None
    assert other is not None
    assert np.abs(other.mean - one.mean).max() < 20.0


def test_failures_are_not_proposed_again_and_tell_nothing(experience: Experience) -> None:
    recommender = ConditionalGaussian().fit(experience)
    failed = make_evaluation(experience.configurations[0], None, metric="rmse")
    assert recommender.posterior(NEW, [failed]) is None
    order = recommender.rank(NEW, experience.configurations, [failed])
    assert order == tuple(p for p in recommender.rank(NEW, experience.configurations) if p != 0)


def test_expected_improvement_is_that_of_a_normal(experience: Experience) -> None:
    recommender = ConditionalGaussian().fit(experience)
    losses = draw(np.random.default_rng(9), 1)[0]
    posterior = recommender.posterior(NEW, told(experience, losses, [0, 1, 2]))
    assert posterior is not None
    drawn = posterior.mean + posterior.std * np.random.default_rng(10).normal(size=(200_000, N_CONFIGURATIONS))
    gains = np.maximum(posterior.least - drawn, 0.0).mean(axis=0)
    np.testing.assert_allclose(posterior.expected_improvement, gains, atol=0.01 * float(posterior.std.max()))


def test_what_a_few_tasks_have_does_not_make_covariances_look_like_chance(experience: Experience) -> None:
    rng = np.random.default_rng(9)
    rare = np.full((N_TASKS, 300), np.nan)
    rare[:3] = experience.losses[:3, :1] * rng.uniform(1.0, 1.5, size=(3, 300))
    whole = make_experience(np.hstack([experience.losses, rare]).tolist(), kind=TaskKind.REGRESSION, metric=RMSE.name)
    losses = draw(rng, 1)[0]
    one, other = (
        ConditionalGaussian().fit(each).posterior(NEW, told(each, losses, [0, 7, 12, 19, 25]))
        for each in (experience, whole)
    )
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(other.mean[:N_CONFIGURATIONS], one.mean)
    np.testing.assert_allclose(other.std[:N_CONFIGURATIONS], one.std)
