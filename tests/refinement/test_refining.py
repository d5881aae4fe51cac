"""A refinement as a whole: its order, its rungs, its budgets, and the same result for the same seed."""

import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from autometa.errors import OptionError
from autometa.evaluation.limits import Limits
from autometa.evaluation.record import Status
from autometa.refinement.attempts import Attempt, Source
from autometa.refinement.climbing import Allowance, climb
from autometa.refinement.objective import Objective
from autometa.refinement.outcome import refined
from autometa.refinement.planning import Budget, Plan, Progress
from autometa.refinement.refining import Refinement, refine
from autometa.task import Task
from tests.refinement.conftest import Advised, advised, refined_by

pytestmark = pytest.mark.usefixtures("warm")


def told(refinement: Refinement) -> list[tuple[int, str, str, tuple[float, ...]]]:
    """Return what is to be the same of two refinements."""
    return [(a.number, str(a.source), a.configuration.to_json(), a.losses) for a in refinement.attempts]


def test_what_was_advised_comes_first_in_its_order(middle_refinement: Refinement, middle_advice: Advised) -> None:
    recommendation = middle_advice[0]
    first = middle_refinement.attempts[: len(recommendation)]
    assert [each.configuration for each in first] == [each.configuration for each in recommendation]
    trials = middle_refinement.study.get_trials()
    assert [trial.user_attrs["source"] for trial in trials] == [str(each.source) for each in middle_refinement.attempts]
    for advice, trial in zip(recommendation, trials, strict=False):
        assert trial.user_attrs["source"] == "advised"
        assert trial.user_attrs["rank"] == advice.rank
        assert trial.user_attrs["evidence"]
        assert trial.user_attrs["configuration"] == advice.configuration.to_json()
    assert {each.source for each in middle_refinement.attempts[3:]} >= {Source.RECOMMENDED, Source.NEAR}


def test_the_study_has_readable_names_and_scores(middle_refinement: Refinement) -> None:
    study = middle_refinement.study
    assert study.direction is optuna.study.StudyDirection.MAXIMIZE
    best = middle_refinement.best
    assert best is not None
    assert study.best_value == best.score
    assert study.best_trial.user_attrs["roc_auc"] == pytest.approx(best.score)
    for attempt, trial in zip(middle_refinement.attempts, study.get_trials(), strict=True):
        assert trial.params["algorithm"] == attempt.configuration.algorithm
        own = {name.split(".")[1] for name in trial.params if name != "algorithm"}
        assert all(name.startswith(f"{attempt.configuration.algorithm}.") for name in set(trial.params) - {"algorithm"})
        assert set(attempt.configuration.values) <= own
        assert trial.intermediate_values == pytest.approx({n: 1 - loss for n, loss in enumerate(attempt.losses)})


def test_the_same_seed_gives_the_same_whatever_the_number_of_workers(
    middle: Task, middle_advice: Advised, middle_refinement: Refinement
) -> None:
    assert told(refined_by(middle_advice, middle, 10, n_workers=2)) == told(middle_refinement)


def test_another_seed_gives_others_after_the_advice(
    small: Task, small_advice: Advised, middle_refinement: Refinement
) -> None:
    one, two = (refined_by(small_advice, small, 5, seed=seed) for seed in (1, 2))
    assert [a.configuration for a in one.attempts[:3]] == [a.configuration for a in two.attempts[:3]]
    assert [a.configuration for a in one.attempts] != [a.configuration for a in two.attempts]


def test_cheap_rungs_come_first_and_what_is_given_up_is_cheaper(middle_refinement: Refinement) -> None:
    attempts = middle_refinement.attempts
    assert all(each.is_whole for each in attempts[:3]), "what was advised is measured to the end"
    pruned = [each for each in attempts if not each.is_whole and not each.has_failed]
    assert pruned
    for each in attempts:
        n_folds = len(each.last.fold_scores["roc_auc"])
        assert n_folds == (3 if each.is_whole else 1)
        assert len(each.losses) == (2 if each.is_whole else 1)
    states = {trial.state for trial in middle_refinement.study.get_trials()}
    assert states == {optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED}
    for each in pruned:
        earlier = [a.losses[0] for a in attempts if a.number < each.number]
        assert np.median(earlier) <= each.losses[0] + 1e-9


def test_a_dozen_are_looked_at_before_any_climbs(middle: Task, middle_advice: Advised) -> None:
    recommendation, grounds = middle_advice
    seen: list[Progress] = []
    objective = Objective.of("auto", middle)
    refine(grounds, recommendation, objective, Plan(budget=Budget(n_trials=13)), report=seen.append)
    assert min(each.n_attempts for each in seen if each.best is not None) == 12
    in_no_time = Budget(n_trials=13, seconds=600.0, started=time.monotonic() - 210.0)
    seen.clear()
    refine(grounds, recommendation, objective, Plan(budget=in_no_time), report=seen.append)
    assert min(each.n_attempts for each in seen if each.best is not None) == 3, "more than a third of the time is over"


def test_the_best_is_never_worse_than_the_best_advised_one(middle_refinement: Refinement) -> None:
    best = middle_refinement.best
    assert best is not None
    assert best.loss == min(each.loss for each in middle_refinement.attempts)
    assert best.loss <= min(each.loss for each in middle_refinement.attempts[:3])
    assert middle_refinement.ranked[0] is best
    n_whole = sum(each.is_whole for each in middle_refinement.attempts)
    assert all(each.is_whole for each in middle_refinement.ranked[:n_whole]), "those come first"


def test_a_refined_recommendation_is_led_by_what_was_measured(
    middle_refinement: Refinement, middle_advice: Advised
) -> None:
    recommendation, grounds = middle_advice
    after = refined(recommendation, grounds, middle_refinement, k=4)
    assert [each.configuration for each in after] == [each.configuration for each in middle_refinement.ranked[:4]]
    best = middle_refinement.ranked[0]
    assert after[0].predicted_score == best.score
    low, high = after[0].interval
    assert 0 <= low < best.score < high <= 1
    assert after[0].fit_seconds >= best.last.fit_seconds, "on all rows it takes longer"
    assert after[0].reasons[0].startswith(f"attempt {best.number + 1}: ")
    assert any("10 pipelines attempted" in note for note in after.notes)


def test_an_interval_is_of_the_standard_error(middle_refinement: Refinement, middle_advice: Advised) -> None:
    best = middle_refinement.ranked[0]
    assert best.standard_error > 0
    for error in (0.01, math.nan):
        alone = replace(middle_refinement, attempts=(replace(best, score=0.5, standard_error=error),))
        half = 0.0 if math.isnan(error) else 1.8856 * error  # of Student's distribution, for three folds
        assert refined(*middle_advice, alone, k=1)[0].interval == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)


def test_a_first_advice_that_was_given_up_is_told_of(middle_refinement: Refinement, middle_advice: Advised) -> None:
    recommendation, grounds = middle_advice
    first, *others = middle_refinement.attempts
    told = refined(recommendation, grounds, middle_refinement, k=4).notes
    assert any(note.startswith(f"the first advice scored {first.score:.4g} roc_auc") for note in told)
    early = replace(first, losses=first.losses[:1], is_whole=False)
    told = refined(recommendation, grounds, replace(middle_refinement, attempts=(early, *others)), k=4).notes
    assert any(note.startswith("the first advice was given up on rung 1 of 2: ") for note in told)
    assert not any(note.startswith("the first advice scored") for note in told)


def test_a_configuration_that_was_measured_twice_is_recommended_once(
    middle_refinement: Refinement, middle_advice: Advised
) -> None:
    twin = replace(middle_refinement.ranked[0], number=10)
    twice = replace(middle_refinement, attempts=(*middle_refinement.attempts, twin))
    after = refined(*middle_advice, twice, k=30)
    assert len(after) == len({each.configuration for each in middle_refinement.attempts})


def test_a_budget_counts_trials_and_what_is_left_of_the_time() -> None:
    with pytest.raises(OptionError, match="needs a budget: seconds, a number of trials, or both"):
        Budget()
    with pytest.raises(OptionError, match="must be positive and finite, got -1"):
        Budget(seconds=-1)
    with pytest.raises(OptionError, match="needs one trial or more, got 0"):
        Budget(n_trials=0)
    assert Budget(n_trials=3).left([]) == np.inf
    now = time.monotonic()
    assert Budget(n_trials=3).used() == 0
    assert 0.5 < Budget(seconds=10, started=now - 6).used() < 1
    assert 6 < Budget(seconds=10, started=now, reserve=lambda attempts: 3.0).left([]) <= 7
    assert Budget(seconds=10, started=now - 20).left([]) < 0


def test_what_one_attempt_may_use_shrinks_with_every_measurement() -> None:
    now = time.monotonic()
    assert Allowance().limits() == Limits()
    limits = Allowance(deadline=now + 5, memory_bytes=10**8).limits()
    assert 0 < limits.wall_seconds <= limits.max_wall_seconds <= 5
    assert limits.cpu_seconds <= 5
    assert limits.memory_bytes == 10**8
    assert Allowance(deadline=now + 1000).limits().cpu_seconds == Limits().cpu_seconds
    assert 0 < Allowance(deadline=now - 1).limits().wall_seconds < 0.1, "it ends at once, and as a result"


def test_a_time_that_is_over_begins_nothing(small: Task, small_advice: Advised) -> None:
    recommendation, grounds = small_advice
    plan = Plan(budget=Budget(seconds=0.1))
    refinement = refine(grounds, recommendation, Objective.of("auto", small), plan)
    assert refinement.attempts == ()
    assert refinement.best is None
    after = refined(recommendation, grounds, refinement, k=3)
    assert after.advice == recommendation.advice
    assert "nothing was measured to the end; give it more time" in after.notes


def test_no_attempt_is_given_more_time_than_is_left(
    small: Task, small_advice: Advised, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines: list[float] = []

    def spied(*arguments: object, **options: object) -> Attempt:
        deadlines.append(next(each.deadline for each in arguments if isinstance(each, Allowance)))
        return climb(*arguments, **options)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr("autometa.refinement.refining.climb", spied)
    recommendation, grounds = small_advice
    seen: list[Progress] = []
    budget = Budget(seconds=20.0, n_trials=4, reserve=lambda attempts: 5.0)
    refinement = refine(grounds, recommendation, Objective.of("auto", small), Plan(budget=budget), report=seen.append)
    assert len(deadlines) == len(refinement.attempts) > 0
    assert deadlines[0] <= budget.started + 12, "the first has half of it"
    assert all(each <= budget.started + 15.1 for each in deadlines), "and none what is reserved"
    assert seen
    assert seen[-1].n_attempts == len(refinement.attempts)
    assert seen[-1].best is refinement.best
    assert 0 < seen[0].seconds_left < 15
    assert refinement.seconds < 60


def test_a_metric_that_fails_is_one_clear_error(small: Task, small_advice: Advised) -> None:
    def broken(estimator: object, X: object, y: object) -> float:
        raise RuntimeError("two\nlines")

    recommendation, grounds = small_advice
    plan = Plan(budget=Budget(n_trials=4))
    with pytest.raises(OptionError, match=r"^the metric 'broken' fails: RuntimeError: two lines$"):
        refine(grounds, recommendation, Objective.of(broken, small), plan)


def test_an_algorithm_with_a_single_configuration_is_no_trouble(one_shard_base: Path, small: Task) -> None:
    drawn = advised(one_shard_base, small, ("naive_bayes",), k=5)
    refinement = refined_by(drawn, small, 6)
    assert {each.last.status for each in refinement.attempts} == {Status.OK}
    assert {each.configuration.algorithm for each in refinement.attempts} == {"naive_bayes"}
    refined(*drawn, refinement, k=10)
