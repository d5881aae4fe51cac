"""A meta-learner learns as runs arrive: never for the worse on frozen families, and what it forgets is told."""

import numpy as np
import pytest

from autometa.errors import DataError
from autometa.fewshot.assessing import assess
from autometa.fewshot.continual import Contest, Continual, compared
from autometa.fewshot.deep_recommender import DeepKernelGP
from autometa.fewshot.memory_recommender import NeuralProcess
from autometa.fewshot.training import Effort
from autometa.knowledge.frames import Experience
from tests.recommenders.experiences import draw_experience, make_experience

SHORT = Effort(n_rounds=2, n_steps=6, n_episodes=8)


def draw_families(seed: int, n_tasks: int = 40) -> Experience:
    """Return tasks of two kinds, which a meta-feature tells apart: what is good on one is bad on the other."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n_tasks) % 2
    usual = np.linspace(0.1, 0.5, 8)
    losses = np.where(kind[:, None] == 1, usual, usual[::-1]) + 0.03 * rng.normal(size=(n_tasks, 8))
    return make_experience(losses.tolist(), metafeatures=[{"kind": float(k), "noise": rng.normal()} for k in kind])


@pytest.fixture(scope="module")
def whole() -> Experience:
    return draw_families(0)


def parts(whole: Experience) -> tuple[Experience, Experience, Experience]:
    """Return the first tasks, these and later ones, and frozen ones."""
    rows = np.arange(whole.n_tasks)
    return whole.of_tasks(rows < 16), whole.of_tasks(rows < 30), whole.of_tasks(rows >= 30)


@pytest.mark.parametrize("make", [DeepKernelGP, NeuralProcess])
def test_an_update_learns_from_new_runs_and_says_what_became_of_it(
    whole: Experience, make: type[DeepKernelGP] | type[NeuralProcess]
) -> None:
    old, _, frozen = parts(whole)
    champion = make(SHORT).fit(old)
    before = {name: value.copy() for name, value in champion.state().items()}
    continual = Continual(champion, frozen)
    update = continual.update(whole)
    assert update.n_new == 14
    assert update.contest.n_families == 10
    assert np.isfinite([update.forgetting.before, update.forgetting.after]).all()
    assert all(np.array_equal(value, before[name]) for name, value in champion.state().items())
    assert update.learner is continual.learner
    assert (update.learner is champion) is not update.contest.is_won
    assert not set(update.learner.experience_.families) & set(frozen.families)
    assert update.learner.experience_.n_tasks == (30 if update.contest.is_won else 16)
    if isinstance(update.learner, NeuralProcess):
        assert update.learner.memory_.n_tasks == 30, "new runs are known at once, whoever won"


def test_a_version_that_is_worse_on_frozen_families_does_not_take_over(whole: Experience) -> None:
    old, _, frozen = parts(whole)
    champion = NeuralProcess(SHORT).fit(old)
    poisoned = make_experience(
        np.random.default_rng(1).permuted(whole.losses, axis=1).tolist(),
        metafeatures=[dict(each.metafeatures) for each in whole.descriptions],
    )
    update = Continual(champion, frozen).update(poisoned)
    assert update.contest.challenger > update.contest.champion
    assert update.learner is champion
    assert update.forgetting.lost > 0, "nonsense in place of the old runs makes these forgotten"


def test_going_on_begins_with_the_weights_that_are_there(whole: Experience) -> None:
    old, grown, _ = parts(whole)
    champion = DeepKernelGP(Effort(n_rounds=3, n_steps=10, n_episodes=8, learning_rate=1e-2)).fit(old)
    hardly = Effort(n_rounds=1, n_steps=1, n_episodes=2, learning_rate=1e-7)
    challenger, fresh = champion.going_on(grown, hardly), DeepKernelGP(hardly).fit(grown)
    own = champion.state()["kriging.log_width"]
    assert challenger.state()["kriging.log_width"] == pytest.approx(own, abs=1e-5)
    assert abs(fresh.state()["kriging.log_width"] - own) > 1e-3
    assert challenger.effort is champion.effort


def test_a_learner_is_equal_to_itself_and_draws_do_not_depend_on_who_is_asked(whole: Experience) -> None:
    old, _, frozen = parts(whole)
    learner = DeepKernelGP(SHORT).fit(old)
    contest = compared(learner, learner, frozen)
    assert contest.champion == contest.challenger
    assert contest.is_won
    assert contest.error == 0.0
    one = assess(learner, frozen)
    np.testing.assert_array_equal(one.losses, assess(learner, frozen).losses)
    assert (one.errors < 0.3).all()
    assert one.inside.mean() > 0.7


def test_a_challenger_wins_if_it_is_not_worse() -> None:
    assert Contest(champion=1.0, challenger=1.0, error=0.1, n_families=5).is_won
    assert not Contest(champion=1.0, challenger=1.01, error=0.1, n_families=5).is_won


def test_frozen_families_are_there_and_were_never_learned_from(whole: Experience) -> None:
    old, grown, frozen = parts(whole)
    learner = DeepKernelGP(SHORT).fit(old)
    with pytest.raises(DataError, match="was learned from"):
        Continual(learner, grown)
    with pytest.raises(DataError, match="no task is frozen"):
        Continual(learner, frozen.without(frozen.families))
    with pytest.raises(DataError, match="nothing to judge by"):
        assess(learner, draw_experience(0, n_configurations=1))
