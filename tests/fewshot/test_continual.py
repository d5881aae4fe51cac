"""A meta-learner learns as runs arrive: never for the worse on frozen families, and what it forgets is told."""

import numpy as np
import pytest

from autometa.errors import DataError
from autometa.fewshot.assessing import assess
from autometa.fewshot.catalogue import LEARNERS, load
from autometa.fewshot.continual import Contest, Continual, compared
from autometa.fewshot.deep_recommender import DeepKernelGP
from autometa.fewshot.memory_recommender import NeuralProcess
from autometa.fewshot.training import Effort
from autometa.knowledge.frames import Experience
from tests.recommenders.experiences import draw_experience, make_experience

SHORT = Effort(n_rounds=2, n_steps=6, n_episodes=8)
NOT_LEARNED = {"shares", "variance", "apart"}  # measured on what is known, whatever the weights


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
    assert not set(update.learner.experience_.families) & set(frozen.families)
    assert update.learner.experience_.n_tasks == (30 if update.contest.is_won else 16)
    if isinstance(update.learner, NeuralProcess):
        assert update.learner.memory_.n_tasks == 30, "new runs are known at once, whoever won"
        assert isinstance(champion, NeuralProcess)
        assert champion.memory_.n_tasks == 16, "the version before stays as it is"


def test_a_version_that_is_worse_on_frozen_families_does_not_take_over(whole: Experience) -> None:
    old, _, frozen = parts(whole)
    champion = NeuralProcess(SHORT).fit(old)
    before = compared(champion, champion, frozen).champion
    poisoned = make_experience(
        np.random.default_rng(1).permuted(whole.losses, axis=1).tolist(),
        metafeatures=[dict(each.metafeatures) for each in whole.descriptions],
    )
    update = Continual(champion, frozen).update(poisoned)
    assert update.contest.challenger > update.contest.champion
    assert update.learner is champion
    assert compared(update.learner, champion, frozen).champion == before, "nor does its memory take up what is worse"
    assert update.forgetting.lost > 0, "nonsense in place of the old runs makes these forgotten"


def test_learners_of_different_configurations_are_asked_for_the_same(whole: Experience) -> None:
    old, _, frozen = parts(whole)
    keys = [c.key for c in whole.configurations]
    fewer = old.of_configurations(keys[:5])
    one, other = DeepKernelGP(SHORT).fit(old), DeepKernelGP(SHORT).fit(fewer)
    contest = compared(one, other, frozen)
    assert contest.champion == assess(one, frozen.of_configurations(keys[:5])).losses.mean()
    assert contest.challenger == assess(other, frozen).losses.mean()


@pytest.mark.parametrize("name", LEARNERS)
def test_going_on_begins_with_the_weights_that_are_there(whole: Experience, name: str) -> None:
    old, grown, _ = parts(whole)
    make = load(name)
    trained = make(SHORT).fit(old)
    moved = {key: value + np.float32(0.01) for key, value in trained.state().items()}
    champion = make(SHORT).load_state(old, moved)
    hardly = Effort(n_rounds=1, n_steps=1, n_episodes=2, learning_rate=1e-7)
    challenger, fresh = champion.going_on(grown, hardly), make(hardly).fit(grown)
    weights = sorted(moved.keys() - NOT_LEARNED)
    apart = [
        max(float(np.abs(each.state()[key] - moved[key]).max()) for key in weights) for each in (challenger, fresh)
    ]
    assert apart[0] < 1e-4 < 0.005 < apart[1]
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
