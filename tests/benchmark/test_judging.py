"""Judging the first advice, against hand calculations."""

from dataclasses import replace

import numpy as np
import pytest

from autometa.benchmark.judging import (
    Outcome,
    Share,
    chosen_by_others,
    coverage_of,
    flattered_of,
    judge,
    outcome,
    share_of,
)
from autometa.benchmark.replay import Method
from autometa.errors import DataError
from autometa.knowledge.frames import Experience
from autometa.probing import DEFAULTS
from autometa.recommenders.average import BestOnAverage
from tests.recommenders.experiences import INF, make_configurations, make_experience

AVERAGE = Method(name="average", make=BestOnAverage, n_folds=None)


@pytest.mark.parametrize(
    ("advised", "default", "expected"),
    [
        ([0.1, 0.2, 0.3], [0.2, 0.3, 0.4], Outcome.BETTER),  # by 0.1 on every fold: no error at all
        ([0.2, 0.3, 0.4], [0.1, 0.2, 0.3], Outcome.WORSE),
        ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], Outcome.TIE),
        ([0.1, 0.4], [0.2, 0.35], Outcome.TIE),  # mean 0.025, standard error 0.075
        ([0.1, 0.4], [0.3, 0.5], Outcome.BETTER),  # mean 0.15, standard error 0.05
        (0.1, 0.2, Outcome.BETTER),
        (0.1, 0.1, Outcome.TIE),
        (INF, 0.1, Outcome.WORSE),
        (0.1, INF, Outcome.BETTER),
        (INF, INF, Outcome.TIE),
    ],
)
def test_a_tie_lies_within_one_standard_error_of_the_folds(
    advised: list[float] | float, default: list[float] | float, expected: Outcome
) -> None:
    assert outcome(np.asarray(advised, dtype=float), np.asarray(default, dtype=float)) is expected


def test_a_share_has_the_interval_of_wilson() -> None:
    share = Share(n=8, n_of=10)
    z, p, n = 1.959964, 0.8, 10
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert share.value == 0.8
    np.testing.assert_allclose(share.interval, [centre - half, centre + half], atol=1e-6)
    assert np.isnan(Share(n=0, n_of=0).value)
    assert Share(n=0, n_of=0).interval == (0.0, 1.0)


def world(n_tasks: int = 40) -> Experience:
    """Return tasks on which the fifth configuration is best and LightGBM's default about 0.1 worse, with 24 others."""
    rng = np.random.default_rng(0)
    losses = rng.uniform(0.4, 0.6, size=(n_tasks, 25))
    level = rng.uniform(0.1, 0.2, size=n_tasks)
    losses[:, 4], losses[:, 0] = level, level + rng.uniform(0.05, 0.15, size=n_tasks)
    experience = make_experience(losses.tolist(), metafeatures=[{}] * n_tasks)
    return replace(experience, configurations=(DEFAULTS["lightgbm"], *make_configurations(25)[1:]))


def test_the_first_advice_is_compared_with_the_defaults_that_were_measured() -> None:
    experience = world()
    verdicts = judge(experience, {}, AVERAGE)
    assert len(verdicts) == 40
    assert {verdict.advised for verdict in verdicts} == {experience.configurations[4]}
    assert share_of(Outcome.BETTER, "lightgbm", verdicts) == Share(n=40, n_of=40)
    assert share_of(Outcome.WORSE, "random_forest", verdicts) == Share(n=0, n_of=0)


def test_what_may_be_advised_is_judged_by_the_errors_of_its_algorithm() -> None:
    experience = replace(world(), losses=world().losses / 2)  # none beyond chance
    worst = np.array([each.algorithm == "b" for each in experience.configurations])
    assert not worst[4]
    verdicts = judge(experience, {}, AVERAGE, algorithms=["b"])
    assert len(verdicts) == 40
    assert {verdict.advised.algorithm for verdict in verdicts} == {"b"}
    assert share_of(Outcome.WORSE, "lightgbm", verdicts) == Share(n=40, n_of=40)
    for of_gains in (False, True):
        share = coverage_of(verdicts, of_gains=of_gains)
        assert share.n_of == 40
        assert 0.65 <= share.value <= 0.95
    few = replace(experience, losses=np.where(worst & (np.arange(40) < 30)[:, None], np.nan, experience.losses))
    assert len(judge(few, {}, AVERAGE, algorithms=["b"])) == 10


def test_folds_decide_what_is_a_tie() -> None:
    experience = world()
    first = experience.descriptions[0].fingerprint
    keys = (experience.configurations[4].key, DEFAULTS["lightgbm"].key)
    folds = {(first, keys[0]): np.array([0.1, 0.4]), (first, keys[1]): np.array([0.2, 0.35])}
    outcomes = {v.fingerprint: v.outcomes["lightgbm"] for v in judge(experience, folds, AVERAGE)}
    assert outcomes[first] is Outcome.TIE
    assert set(outcomes.values()) == {Outcome.TIE, Outcome.BETTER}


def test_the_interval_of_the_gain_holds_about_as_often_as_it_says() -> None:
    share = coverage_of(judge(world(), {}, AVERAGE), of_gains=True)
    assert share.n_of == 40
    assert 0.65 <= share.value <= 0.95


def test_coverage_counts_the_intervals_that_held() -> None:
    verdicts = judge(world(), {}, AVERAGE, families={"1", "2", "3"})
    held = [replace(verdict, is_held=value) for verdict, value in zip(verdicts, (True, False, None), strict=True)]
    assert coverage_of(held) == Share(n=1, n_of=2)


def test_predictions_are_too_good_on_about_half_of_the_tasks() -> None:
    verdicts = judge(world(), {}, AVERAGE)
    share = flattered_of(verdicts)
    assert share.n_of == 40
    assert 0.3 <= share.value <= 0.7
    told = [replace(verdict, is_flattered=value) for verdict, value in zip(verdicts, (True, False, None), strict=False)]
    assert flattered_of(told) == Share(n=1, n_of=2)


def test_only_the_families_asked_for_are_judged_and_none_is_an_error() -> None:
    experience = world()
    assert {verdict.family for verdict in judge(experience, {}, AVERAGE, families={"3", "7"})} == {"3", "7"}
    with pytest.raises(DataError, match="no task of those families"):
        judge(experience, {}, AVERAGE, families={"none"})


def test_a_first_advice_that_failed_is_worse_and_in_no_interval() -> None:
    experience = world()
    losses = experience.losses.copy()
    losses[5, 4] = INF
    (verdict,) = judge(replace(experience, losses=losses), {}, AVERAGE, families={"5"})
    assert verdict.outcomes["lightgbm"] is Outcome.WORSE
    assert verdict.is_held is None
    assert verdict.is_gain_held is None


def test_what_is_chosen_on_a_fold_is_the_best_of_the_others() -> None:
    # Without fold 0 the second is best (0.1 against 0.4), without fold 1 the first (0.6 against 0.7), and so on.
    losses = [np.array([0.2, 0.2, 0.4]), np.array([0.7, 0.1, 0.0])]
    np.testing.assert_array_equal(chosen_by_others(losses), [0.7, 0.2, 0.4])
    np.testing.assert_array_equal(chosen_by_others([np.array([0.1, 0.1]), np.array([0.1, 0.1])]), [0.1, 0.1])


def test_a_probe_turns_an_advice_that_is_worse_than_a_default_into_it() -> None:
    experience = world()
    first, second = (known.fingerprint for known in experience.descriptions[:2])
    keys = (experience.configurations[4].key, DEFAULTS["lightgbm"].key)
    worse, better = np.array([0.5, 0.6, 0.7]), np.array([0.1, 0.2, 0.3])
    folds = {
        (first, keys[0]): worse,
        (first, keys[1]): better,
        (second, keys[0]): better,
        (second, keys[1]): worse,
    }
    verdicts = judge(experience, folds, AVERAGE)
    assert [verdict.probed for verdict in verdicts if verdict.probed] == [
        {"lightgbm": Outcome.TIE},
        {"lightgbm": Outcome.BETTER},
    ]
    assert share_of(Outcome.WORSE, "lightgbm", verdicts, with_probe=True) == Share(n=0, n_of=2)
