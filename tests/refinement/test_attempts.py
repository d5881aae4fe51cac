"""Rungs, and who climbs them."""

import math
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.evaluation.protocol import CV_V1, HOLDOUT_V1, OwnSplits
from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator
from autometa.refinement.attempts import (
    Allowance,
    Attempt,
    Ladder,
    Rung,
    Source,
    fit_seconds_on_all,
    measure,
    rungs_of,
    spread_of,
)
from autometa.refinement.objective import Objective
from autometa.refinement.refining import Budget, Plan, Progress, Refinement, refine
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.refinement.conftest import advised, numbers

RIDGE = Configuration(algorithm="ridge")
FAKE = '''
"""Not XGBoost: regressors that do what no learner should, by their number of rounds."""

import os
import signal
import time

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin


class XGBRegressor(RegressorMixin, BaseEstimator):
    def __init__(self, n_estimators=100, random_state=0, n_jobs=1, verbosity=0):
        self.n_estimators = n_estimators
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbosity = verbosity

    def fit(self, X, y, sample_weight=None):
        if self.n_estimators == 51:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.n_estimators == 52:
            hoard = []
            while True:
                hoard.append(np.ones(2**20))
        if self.n_estimators == 53:
            time.sleep(600)
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


XGBClassifier = XGBRegressor
'''


def hostile(n: int) -> Configuration:
    """Return a configuration of the learner that is not XGBoost."""
    return Configuration(algorithm="xgboost", values={"n_estimators": n})


@pytest.fixture
def not_xgboost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a library of hostile learners before the real one, for processes that are started from here on."""
    (tmp_path / "xgboost").mkdir()
    (tmp_path / "xgboost" / "__init__.py").write_text(FAKE)
    monkeypatch.syspath_prepend(tmp_path)


def begun(configuration: Configuration, number: int = 0) -> Attempt:
    """Return an attempt that has not begun."""
    return Attempt(number=number, configuration=configuration, source=Source.ADVISED, is_whole=False, evaluations=())


@pytest.mark.parametrize(
    ("n_rows", "rungs"),
    [
        (500, [("cv-v1", (0, 1, 2, 3, 4))]),
        (501, [("cv-v1", (0,)), ("cv-v1", (1, 2))]),
        (3000, [("cv-v1", (0,)), ("cv-v1", (1, 2))]),
        (3001, [("cv-v1", (0,)), ("cv-v1", (1, 2)), ("holdout-v1", (0,))]),
    ],
)
def test_rungs_are_by_the_size_of_the_table(n_rows: int, rungs: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(each.splits.name, each.fold_numbers) for each in rungs_of(numbers(n_rows))] == rungs


def test_own_splits_have_rungs_of_their_own() -> None:
    halves = (np.arange(50), np.arange(50, 100))
    one, two = OwnSplits(folds=(halves,)), OwnSplits(folds=(halves, halves[::-1]))
    task = numbers(100)
    assert [each.fold_numbers for each in rungs_of(task, one)] == [(0,)]
    assert [each.fold_numbers for each in rungs_of(task, two)] == [(0,), (1,)]
    assert {each.splits for each in rungs_of(task, two)} == {two}


def test_the_better_half_goes_on_and_what_was_advised() -> None:
    rungs = (Rung(splits=CV_V1, fold_numbers=(0,)), Rung(splits=CV_V1, fold_numbers=(1, 2), keep_share=0.5))
    ladder = Ladder(rungs, n_kept=2)
    assert ladder.goes_on(0, 0, 0.9)
    assert ladder.goes_on(1, 0, 1.0), "advised, though it is worse"
    assert not ladder.goes_on(2, 0, 1.1), "worse than both"
    assert ladder.goes_on(3, 0, 0.95), "the second of four"
    assert not ladder.goes_on(4, 0, math.inf), "without a loss nothing goes on"
    assert not ladder.goes_on(0, 1, 0.1), "the last rung is the end"


def test_a_dearer_rung_takes_the_better_third_whoever_it_is() -> None:
    rungs = (Rung(splits=CV_V1, fold_numbers=(0,)), Rung(splits=HOLDOUT_V1, fold_numbers=(0,), keep_share=1 / 3))
    ladder = Ladder(rungs, n_kept=9)
    losses = [0.5, 0.6, 0.7, 0.4, 0.45, 0.9]
    assert [ladder.goes_on(n, 0, loss) for n, loss in enumerate(losses)] == [True, False, False, True, True, False]


def test_who_goes_on_can_be_made_to_depend_on_some_attempts_alone() -> None:
    rungs = (Rung(splits=CV_V1, fold_numbers=(0,)), Rung(splits=CV_V1, fold_numbers=(1, 2), keep_share=0.5))
    ladder = Ladder(rungs, n_kept=0)
    ladder.goes_on(0, 0, 0.1)
    assert not ladder.goes_on(1, 0, 0.2)
    assert ladder.goes_on(2, 0, 0.2, among=frozenset()), "as if it were alone: the first of a batch"
    assert not ladder.goes_on(3, 0, 0.3, among=frozenset({0}))


def test_an_attempt_is_measured_on_all_folds_at_last(evaluator: Evaluator) -> None:
    task = numbers(600)
    objective = Objective.of("rmse", task)
    attempt = measure(evaluator, Ladder(rungs_of(task), 1), objective, begun(RIDGE), Allowance())
    whole = evaluator.evaluate(task, RIDGE)
    assert attempt.is_whole
    assert attempt.last.fold_scores == whole.fold_scores
    assert attempt.score == pytest.approx(whole.score("rmse"), rel=1e-12)
    assert attempt.losses[-1] == attempt.loss == attempt.score
    assert attempt.losses[0] == pytest.approx(whole.fold_scores["rmse"][0], rel=1e-12)
    assert attempt.measurement is not None
    assert sorted(np.concatenate(list(attempt.measurement.rows.values()))) == list(range(600))
    folds = whole.fold_scores["rmse"]
    assert spread_of(attempt, objective) == pytest.approx(np.std(folds, ddof=1) / math.sqrt(3), rel=1e-9)
    gone = replace(attempt, measurement=None)
    assert spread_of(gone, objective) == pytest.approx(spread_of(attempt, objective), rel=1e-9)
    weighted = Objective.of("rmse", task, np.ones(600))
    assert math.isnan(spread_of(gone, weighted)), "of weighted scores the folds are not kept"


def test_a_large_table_ends_on_the_holdout(evaluator: Evaluator) -> None:
    task = numbers(3500)
    attempt = measure(evaluator, Ladder(rungs_of(task), 1), Objective.of("rmse", task), begun(RIDGE), Allowance())
    assert attempt.is_whole
    assert [each.protocol for each in attempt.evaluations] == ["cv-v1", "holdout-v1"]
    assert [len(each.fold_scores["rmse"]) for each in attempt.evaluations] == [3, 1]
    assert len(attempt.losses) == 3
    assert attempt.measurement is not None
    assert list(attempt.measurement.rows) == [0]
    assert fit_seconds_on_all(attempt, task, HOLDOUT_V1) >= attempt.last.fit_seconds


def test_a_fold_that_does_not_define_the_metric_is_left_out(evaluator: Evaluator) -> None:
    X = pd.DataFrame({"a": np.arange(40.0)})
    y = pd.Series(["yes"] + ["no"] * 39, name="b")  # one fold of five has both classes, and nothing to learn from
    task = Task(name="rare", X=X, y=y, kind=TaskKind.BINARY, target="b")
    attempt = measure(
        evaluator,
        Ladder(rungs_of(task), 1),
        Objective.of("roc_auc", task),
        begun(Configuration(algorithm="naive_bayes")),
        Allowance(),
    )
    assert attempt.is_whole
    assert attempt.score == pytest.approx(0.5)


@pytest.mark.usefixtures("not_xgboost")
def test_hostile_attempts_leave_a_status_and_a_working_refinement(one_shard_base: Path) -> None:
    task = numbers(60)
    recommendation, grounds = advised(one_shard_base, task, ("ridge", "xgboost"), k=3)
    first = recommendation[0]
    wanted = [hostile(51), hostile(52), RIDGE]
    advice = tuple(replace(first, rank=n + 1, configuration=each) for n, each in enumerate(wanted))
    plan = Plan(budget=Budget(n_trials=3), n_workers=2, memory_bytes=200 * 2**20)
    refinement = refine(grounds, replace(recommendation, advice=advice), Objective.of("rmse", task), plan)
    killed, greedy, good = refinement.attempts
    assert killed.last.status is Status.FAILED
    assert "was killed by SIGKILL" in killed.last.error
    assert greedy.last.status is Status.OUT_OF_MEMORY
    assert refinement.best is good
    assert [str(trial.state.name) for trial in refinement.study.get_trials()] == ["FAIL", "FAIL", "COMPLETE"]
    assert refinement.study.get_trials()[1].user_attrs["status"] == "out_of_memory"


@pytest.mark.usefixtures("not_xgboost")
def test_an_attempt_that_sleeps_for_ever_ends_with_its_time() -> None:
    task = numbers(60)
    objective = Objective.of("rmse", task)
    ladder = Ladder(rungs_of(task), 2)
    with Evaluator() as own:
        own.start()
        asleep = measure(own, ladder, objective, begun(hostile(53)), Allowance(deadline=time.monotonic() + 0.5))
        good = measure(own, ladder, objective, begun(RIDGE, 1), Allowance())
    assert asleep.last.status is Status.TIMED_OUT
    assert asleep.has_failed
    assert good.is_whole


@pytest.mark.usefixtures("not_xgboost")
@pytest.mark.parametrize("n_interrupts", [1, 2])
def test_an_interrupt_ends_what_is_being_measured(one_shard_base: Path, n_interrupts: int) -> None:
    task = numbers(60)
    recommendation, grounds = advised(one_shard_base, task, ("ridge", "xgboost"), k=2)
    first = recommendation[0]
    advice = (replace(first, configuration=RIDGE), replace(first, rank=2, configuration=hostile(53)))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which is off in the background of a shell
    handler = signal.getsignal(signal.SIGINT)

    def interrupt(progress: Progress) -> None:
        if progress.n_attempts == 1:
            for _ in range(n_interrupts):
                signal.raise_signal(signal.SIGINT)

    began = time.monotonic()
    refinement = refine(
        grounds,
        replace(recommendation, advice=advice),
        Objective.of("rmse", task),
        Plan(budget=Budget(n_trials=2)),
        report=interrupt,
    )
    assert time.monotonic() - began < 100, "the other would sleep for 180 s"
    assert refinement.was_interrupted
    assert [each.configuration for each in refinement.attempts] == [RIDGE]
    assert refinement.best is not None
    assert [trial.state.name for trial in refinement.study.get_trials()] == ["COMPLETE", "FAIL"]
    assert signal.getsignal(signal.SIGINT) is handler
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("not_xgboost")
def test_what_a_budget_cut_short_is_done_again_by_a_refinement_that_goes_on(
    one_shard_base: Path, tmp_path: Path
) -> None:
    task = numbers(60)
    recommendation, grounds = advised(one_shard_base, task, ("ridge", "xgboost"), k=2)
    first = recommendation[0]
    advice = (replace(first, configuration=hostile(53)), replace(first, rank=2, configuration=RIDGE))

    def go_on(seconds: float, n_trials: int) -> Refinement:
        plan = Plan(budget=Budget(seconds=seconds, n_trials=n_trials), storage=f"sqlite:///{tmp_path}/study.db")
        return refine(grounds, replace(recommendation, advice=advice), Objective.of("rmse", task), plan)

    cut = go_on(3.0, 1)
    assert [each.last.status for each in cut.attempts] == [Status.TIMED_OUT]
    assert cut.seconds < 30
    again = go_on(20.0, 2)
    assert [each.configuration for each in again.attempts] == [hostile(53), RIDGE]
    assert [each.number for each in again.attempts] == [0, 1]
    assert [trial.state.name for trial in again.study.get_trials()] == ["FAIL", "FAIL", "COMPLETE"]
    assert again.best is again.attempts[1]
