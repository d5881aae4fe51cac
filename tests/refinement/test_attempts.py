"""Rungs, and attempts that do what they should not."""

import math
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from autometa.evaluation.protocol import OwnSplits
from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator
from autometa.refinement.attempts import Attempt, Source, rungs_of
from autometa.refinement.climbing import Allowance, climb
from autometa.refinement.objective import Objective
from autometa.refinement.planning import Budget, Plan, Progress
from autometa.refinement.refining import Refinement, refine
from autometa.space import Configuration
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
        (2400, [("cv-v1", (0,)), ("cv-v1", (1, 2))]),
        (2401, [("sample-v1", (0,)), ("cv-v1", (0,)), ("cv-v1", (1, 2))]),
        (3000, [("sample-v1", (0,)), ("cv-v1", (0,)), ("cv-v1", (1, 2))]),
        (3001, [("sample-v1", (0,)), ("cv-v1", (0,)), ("holdout-v1", (0,))]),
    ],
)
def test_rungs_are_by_the_size_of_the_table(n_rows: int, rungs: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(each.splits.name, each.fold_numbers) for each in rungs_of(numbers(n_rows))] == rungs
    recorded = rungs_of(numbers(n_rows), is_recorded=True)
    if n_rows > 3000:
        assert [each.fold_numbers for each in recorded] == [(0,), (0,), (1, 2), (0,)], (
            "all folds of cv-v1 are among them"
        )
    else:
        assert recorded == rungs_of(numbers(n_rows))


def test_own_splits_have_rungs_of_their_own() -> None:
    halves = (np.arange(50), np.arange(50, 100))
    one, two = OwnSplits(folds=(halves,)), OwnSplits(folds=(halves, halves[::-1]))
    task = numbers(100)
    assert [each.fold_numbers for each in rungs_of(task, one)] == [(0,)]
    assert [each.fold_numbers for each in rungs_of(task, two)] == [(0,), (1,)]
    assert {each.splits for each in rungs_of(task, two)} == {two}


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
    rungs = rungs_of(task)
    with Evaluator() as own:
        own.start()
        asleep = climb(own, rungs, objective, begun(hostile(53)), Allowance(deadline=time.monotonic() + 0.5))
        good = climb(own, rungs, objective, begun(RIDGE, 1), Allowance())
    assert asleep.last.status is Status.TIMED_OUT
    assert asleep.has_failed
    assert good.is_whole


@pytest.mark.usefixtures("not_xgboost")
def test_what_fails_on_the_sample_is_asked_again_on_a_fold() -> None:
    task = numbers(2500)
    with Evaluator() as own:
        bad = climb(own, rungs_of(task), Objective.of("rmse", task), begun(hostile(51)), Allowance())
    assert bad.has_failed
    found = [(each.protocol, each.status) for each in bad.evaluations]
    assert found == [("sample-v1", Status.FAILED), ("cv-v1", Status.FAILED)]
    assert not any(map(math.isfinite, bad.losses))


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

    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(storage=url, study_name="another")  # what Optuna takes to make a storage is no part of the time

    def go_on(seconds: float, n_trials: int) -> Refinement:
        plan = Plan(budget=Budget(seconds=seconds, n_trials=n_trials), storage=url)
        return refine(grounds, replace(recommendation, advice=advice), Objective.of("rmse", task), plan)

    cut = go_on(3.0, 1)
    assert [each.last.status for each in cut.attempts] == [Status.TIMED_OUT]
    assert cut.seconds < 30
    again = go_on(20.0, 2)
    assert [each.configuration for each in again.attempts] == [hostile(53), RIDGE]
    assert [each.number for each in again.attempts] == [0, 1]
    assert [trial.state.name for trial in again.study.get_trials()] == ["FAIL", "FAIL", "COMPLETE"]
    assert again.best is again.attempts[1]
