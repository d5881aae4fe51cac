"""Recommenders that adapt a net: what they learn from results, and what they keep."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from autometa.errors import PersistenceError
from autometa.evaluation.record import Evaluation
from autometa.fewshot.adapting import Data
from autometa.fewshot.bayesian import BayesianMaml
from autometa.fewshot.gradient import FirstOrderMaml, GradientLearner, Joint, Maml, Reptile
from autometa.fewshot.optimiser import LearnedOptimiserRecommender
from autometa.fewshot.predicting import drawn
from autometa.fewshot.recommender import MetaLearner
from autometa.fewshot.recurrent import Recurrent
from autometa.fewshot.training import Effort
from autometa.knowledge.frames import Experience
from tests.recommenders.experiences import make_description, make_evaluation, make_experience

EFFORT = Effort(n_rounds=2, n_steps=12, n_episodes=8, learning_rate=3e-3)
LONGER = Effort(n_rounds=4, n_steps=25, n_episodes=16, learning_rate=3e-3)  # for what begins without descent
ADAPTING: dict[str, Callable[[Effort], MetaLearner]] = {
    "maml": Maml,
    "fomaml": FirstOrderMaml,
    "reptile": Reptile,
    "bayesian_maml": BayesianMaml,
    "learned_optimiser": LearnedOptimiserRecommender,
    "recurrent": Recurrent,
}


def two_sorts(n_tasks: int) -> Experience:
    """Return tasks of two sorts that nothing but results tells apart: what is good on the one is bad on the other."""
    rng = np.random.default_rng(0)
    slopes = np.where(np.arange(n_tasks) % 2, 1.0, -1.0)
    losses = 0.5 + slopes[:, None] * np.linspace(-0.3, 0.3, 12) + 0.01 * rng.normal(size=(n_tasks, 12))
    return make_experience(losses.tolist(), metafeatures=[{}] * n_tasks)


@pytest.fixture(scope="module")
def experience() -> Experience:
    """Return forty tasks of two sorts."""
    return two_sorts(40)


@pytest.mark.parametrize("name", ADAPTING)
def test_two_results_tell_which_sort_a_task_is_of(name: str, experience: Experience) -> None:
    recommender = ADAPTING[name](LONGER if name == "recurrent" else EFFORT).fit(experience)
    new, asked = make_description("new"), experience.configurations
    costs = np.linspace(0.0, 1.0, 12)
    for slope in (0.04, -0.04):
        told: list[Evaluation] = []
        columns: list[int] = []
        for column in (3, 8):
            # One that proposes has learned from searches of its own.
            columns.append(recommender.propose(new, asked, told) if name == "recurrent" else column)
            told.append(make_evaluation(asked[columns[-1]], 0.5 - slope * (columns[-1] - 5.5)))
        mean = recommender.predict(new, asked, told).mean
        agreement = np.corrcoef(mean, costs if slope > 0 else -costs)[0, 1]
        assert agreement > 0.7
    before = recommender.predict(new, asked)
    after = recommender.predict(new, asked, told)
    unseen = [column for column in range(12) if column not in columns]
    assert after.std[unseen].mean() < before.std[unseen].mean()


def test_a_net_that_does_not_adapt_says_the_same_whatever_the_results(experience: Experience) -> None:
    recommender = Joint(EFFORT).fit(experience)
    new, asked = make_description("new"), experience.configurations
    told = [make_evaluation(asked[0], 0.9), make_evaluation(asked[11], 0.1)]
    before, after = recommender.predict(new, asked).mean, recommender.predict(new, asked, told).mean
    np.testing.assert_array_equal(before[1:11], after[1:11])


class _Anew(BayesianMaml):
    """Bayesian MAML that finds the features of points again at each step."""

    def _inputs(self, points: torch.Tensor, contexts: torch.Tensor) -> Data:
        return points, contexts


class _AnewByOptimiser(LearnedOptimiserRecommender):
    """A learned optimiser that finds the features of points again at each step."""

    _inputs = _Anew._inputs


@pytest.mark.parametrize(("make", "anew"), [(BayesianMaml, _Anew), (LearnedOptimiserRecommender, _AnewByOptimiser)])
def test_features_that_are_kept_are_those_of_every_step(
    make: type[GradientLearner], anew: type[GradientLearner], experience: Experience
) -> None:
    learned = make(EFFORT).fit(experience)
    other = anew(EFFORT).load_state(experience, learned.state())
    episodes = drawn(learned.tasks_, np.random.default_rng(0), 6)
    slopes = []
    for each in (learned, other):
        each.learning_.zero_grad()
        data = each.known_.data_of(episodes)
        loss = each._step_loss(*data)
        loss.backward()  # type: ignore[no-untyped-call] # torch has no annotation for it
        slopes.append([p.grad for p in each.learning_.parameters()])
        assert loss.item() == pytest.approx(each._kept_loss(*data), rel=1e-5)
    for one, another in zip(*slopes, strict=True):
        torch.testing.assert_close(one, another, rtol=1e-3, atol=1e-5)
    assert sum(float(each.abs().sum()) > 0 for each in slopes[0] if each is not None) > 6


@pytest.mark.parametrize("name", ADAPTING)
def test_what_was_learned_can_be_taken_up(name: str, experience: Experience) -> None:
    quick = Effort(n_rounds=1, n_steps=3, n_episodes=4)
    learned = ADAPTING[name](quick).fit_anew(experience, 1)
    taken = ADAPTING[name](quick).load_state(experience, learned.state(), 1)
    new, asked = make_description("new"), experience.configurations
    told = [make_evaluation(asked[2], 0.9), make_evaluation(asked[7], 0.4)]
    for observed in (told, []):
        one, other = (each.predict(new, asked, observed) for each in (learned, taken))
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-6)
        np.testing.assert_allclose(one.std, other.std, rtol=1e-6)
    with pytest.raises(PersistenceError, match="train it anew"):
        ADAPTING[name](quick).load_state(experience, {"shares": np.ones(5)}, 1)
