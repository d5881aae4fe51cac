"""Who goes on to the next rung, and what is measured there."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import make_scorer

from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import CV_V1, HOLDOUT_V1, OwnSplits
from autometa.evaluation.record import Evaluation, Status
from autometa.evaluation.running import Evaluator
from autometa.refinement.attempts import (
    SAMPLE,
    Attempt,
    Rung,
    Source,
    fit_seconds_on_all,
    in_few_rounds,
    rungs_of,
)
from autometa.refinement.climbing import (
    Allowance,
    TimeLeft,
    as_if_of,
    climb,
    climb_seconds,
    next_to_climb,
)
from autometa.refinement.objective import Objective
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.refinement.conftest import climbed, numbers

RIDGE = Configuration(algorithm="ridge")
TASK = numbers(3000)
RUNGS = (
    Rung(splits=SAMPLE, fold_numbers=(0,)),
    Rung(splits=CV_V1, fold_numbers=(0,), keep_share=0.5),
    Rung(splits=CV_V1, fold_numbers=(1, 2), keep_share=0.5),
)


def begun(configuration: Configuration = RIDGE, number: int = 0) -> Attempt:
    """Return an attempt that has not begun."""
    return Attempt(number=number, configuration=configuration, source=Source.ADVISED, is_whole=False, evaluations=())


def evaluation(status: Status = Status.OK, seconds: float = 1.0) -> Evaluation:
    """Return an evaluation that took so long a fold."""
    return Evaluation(
        fingerprint="f",
        configuration=RIDGE,
        protocol="cv-v1",
        pipelines_version="",
        seed=0,
        status=status,
        fold_scores={"rmse": (1.0,)} if status is Status.OK else {},
        fit_seconds=seconds,
        predict_seconds=0.5 * seconds,
        peak_memory_bytes=0,
        error="" if status is Status.OK else "it did",
        absent={},
        versions={},
    )


def waiting(number: int, *losses: float, status: Status = Status.OK, source: Source = Source.NEAR) -> Attempt:
    """Return an attempt with losses on its first rungs."""
    return replace(
        begun(number=number),
        source=source,
        losses=losses,
        is_whole=len(losses) == len(RUNGS) and status is Status.OK,
        evaluations=(evaluation(status),),
    )


def chosen(attempts: Sequence[Attempt], *, but: Sequence[int] = (), seconds: float = math.inf) -> int | None:
    """Return the number of the attempt that goes on; ``but`` some are running."""
    found = next_to_climb(attempts, RUNGS, TASK, TimeLeft(climbing=seconds), running=but)
    return None if found is None else found.number


def slow(attempt: Attempt, seconds: float) -> Attempt:
    """Return an attempt that took so long on a fold."""
    return replace(attempt, evaluations=(evaluation(seconds=seconds),))


def test_the_better_half_goes_on_the_best_of_it_first() -> None:
    first = [waiting(0, 0.9), waiting(1, 0.4), waiting(2, 0.7), waiting(3, 0.6)]
    assert chosen(first) == 1
    assert chosen(first, but=[1]) == 3, "the first is at it"
    assert chosen(first, but=[1, 3]) is None, "two of four"
    assert chosen([*first, waiting(4, 0.65)], but=[1, 3]) == 4, "three of five"
    assert chosen(first[:1]) == 0, "of a single one it is the better half"
    assert chosen([]) is None
    assert chosen([waiting(1, 0.4), waiting(0, 0.4)]) == 0, "of two alike the earlier"


def test_dearer_rungs_come_first() -> None:
    attempts = [waiting(0, 0.5, 0.3), waiting(1, 0.4), waiting(2, 0.6, 0.2), waiting(3, 0.9)]
    assert chosen(attempts) == 2, "the best on the second rung"
    assert chosen(attempts, but=[2]) == 1, "there one of two goes on; on the first, two of four, of which one is on"
    whole = waiting(0, 0.5, 0.3, 0.3)
    assert chosen([whole, waiting(1, 0.6)]) is None, "whole ones count among those who were there"


def test_who_failed_or_saw_the_last_rung_alone_neither_goes_on_nor_counts() -> None:
    failed = waiting(0, 0.1, status=Status.FAILED)
    stopped = replace(waiting(1, 0.1, 0.1, 0.1), source=Source.STOPPED)
    assert chosen([failed]) is None
    assert chosen([stopped, waiting(2, 0.5)]) == 2
    assert chosen([waiting(0, math.inf), waiting(2, 0.5)]) == 2
    assert chosen([waiting(0, math.inf)]) is None


def test_what_cannot_come_to_the_end_in_time_is_left_where_it_is() -> None:
    whole, quick, better = waiting(3, 0.4, 0.4, 0.4), slow(waiting(0, 0.8), 0.1), slow(waiting(1, 0.1), 5.0)
    assert chosen([quick, better, whole]) == 1
    assert chosen([quick, better, whole], seconds=5.0) is None, "the quick one is not among the better half"
    assert chosen([quick, better], seconds=5.0) == 0, "as long as nothing is at the end, others may"
    assert chosen([quick, better], seconds=5.0, but=[7]) is None, "but one is on its way"
    halfway = slow(waiting(2, 0.9, 0.9), 5.0)
    needed = climb_seconds(better, RUNGS, TASK, n_rungs=1)
    assert chosen([better], seconds=needed) == 1, "where nothing can, the next rung is all it does"
    assert chosen([better, halfway], seconds=needed) == 2, "and who came furthest comes further"
    assert chosen([better], seconds=0.9 * needed) is None


def test_what_could_not_be_fitted_in_time_is_not_brought_to_the_end() -> None:
    attempt = waiting(0, 0.5, 0.4)
    climbing = climb_seconds(attempt, RUNGS, TASK)
    fitting = fit_seconds_on_all(attempt, TASK, CV_V1)
    assert TimeLeft(climbing=climbing, fitting=climbing + fitting).allows(attempt, RUNGS, TASK)
    assert not TimeLeft(climbing=climbing, fitting=0.99 * (climbing + fitting)).allows(attempt, RUNGS, TASK)
    assert not TimeLeft(climbing=0.99 * climbing, fitting=1e3).allows(attempt, RUNGS, TASK)
    dear = slow(waiting(1, 0.5, 0.3), 5.0)
    left = TimeLeft(climbing=1e3, fitting=climbing + fitting)
    found = next_to_climb([attempt, dear], RUNGS, TASK, left)
    assert found is attempt, "worse, but there is time for it"


def test_all_may_be_brought_to_the_end() -> None:
    attempts = [waiting(0, 0.9), waiting(1, 0.4, 0.4, 0.4), slow(waiting(2, 0.95), 5.0)]
    for_all = [replace(each, keep_share=1.0) for each in RUNGS]
    found = next_to_climb(attempts, for_all, TASK)
    assert found is not None
    assert found.number == 0
    assert next_to_climb(attempts, for_all, TASK, running=[0, 2]) is None
    assert next_to_climb(attempts, for_all, TASK, TimeLeft(climbing=5.0), running=[0]) is None
    assert next_to_climb([waiting(0, 0.9)], for_all[:1], TASK) is None, "of these rungs it has seen all"


def test_a_climb_is_expected_to_take_as_long_as_its_folds() -> None:
    task = numbers(4000)
    rungs = rungs_of(task, is_recorded=True)
    on_fold = replace(waiting(0, 0.5, 0.4), evaluations=(evaluation(seconds=2.0),))
    assert climb_seconds(on_fold, rungs, task, n_rungs=1) == 9.0, "of a run that ended all three folds are done again"
    on_sample = replace(on_fold, losses=(0.5,))
    assert climb_seconds(on_sample, rungs, task, n_rungs=1) == pytest.approx(3.0 * (2000 / 600) ** 1.2)
    on_all = replace(on_fold, losses=(0.5, 0.4, 0.4))
    assert climb_seconds(on_all, rungs, task) == pytest.approx(3.0 * (2667 / 2000) ** 1.2)
    on_holdout = 3.0 * (2667 / 2000) ** 1.2
    assert climb_seconds(on_fold, rungs, task) == pytest.approx(9.0 + on_holdout)
    powers = 3.0 * (2000 / 600) ** 1.2, 3.0 * (2667 / 600) ** 1.2
    assert climb_seconds(on_sample, rungs, task) == pytest.approx(3 * powers[0] + powers[1]), "three folds, the holdout"
    trees = replace(on_sample, configuration=Configuration(algorithm="catboost"))
    assert climb_seconds(trees, rungs, task, n_rungs=1) == pytest.approx(1.9 + (0.1 + 1.0) * (2000 / 600))
    both = (replace(evaluation(), protocol="sample-v1"), evaluation(seconds=2.0))
    share = (600 / 2000) ** 1.2
    fixed = (1.0 - share * 2.0) / (1.0 - share)
    known = replace(on_all, evaluations=both)
    assert climb_seconds(known, rungs, task) == pytest.approx(fixed + (3.0 - fixed) * (2667 / 2000) ** 1.2)
    assert fit_seconds_on_all(known, task, CV_V1) == pytest.approx(fixed + (2.0 - fixed) * 2**1.2)
    assert fit_seconds_on_all(known, task, CV_V1) < fit_seconds_on_all(on_all, task, CV_V1)
    slow = replace(known, evaluations=(replace(evaluation(seconds=3.0), protocol="sample-v1"), both[1]))
    assert fit_seconds_on_all(slow, task, CV_V1) == 2.0, "it took no longer on more rows"
    many = replace(slow, configuration=Configuration(algorithm="catboost"))  # 1,000 rounds, of which the sample saw 100
    same, growing = 0.95, 0.05 * 2000 / 600
    expected = 2.0 * (same + growing * 2) / (same + growing)
    assert fit_seconds_on_all(many, task, CV_V1) == pytest.approx(expected), "as assumed"
    few = Configuration(algorithm="catboost", values={"iterations": 100})
    assert fit_seconds_on_all(replace(slow, configuration=few), task, CV_V1) == 2.0, "as measured"
    pairs = replace(on_sample, configuration=Configuration(algorithm="gaussian_process"))
    assert climb_seconds(pairs, rungs, task, n_rungs=1) == pytest.approx(3.0 * (2000 / 600) ** 2.5)


def test_an_attempt_is_measured_on_all_folds_at_last(evaluator: Evaluator) -> None:
    task = numbers(600)
    objective, rungs = Objective.of("rmse", task), rungs_of(task)
    one = climb(evaluator, rungs, objective, begun(), Allowance())
    assert (one.is_whole, len(one.losses), len(one.last.fold_scores["rmse"])) == (False, 1, 1)
    attempt = climb(evaluator, rungs, objective, one, Allowance())
    whole = evaluator.evaluate(task, RIDGE)
    assert attempt.is_whole
    assert attempt.last.fold_scores == whole.fold_scores
    assert attempt.score == pytest.approx(whole.score("rmse"), rel=1e-12)
    assert attempt.losses[-1] == attempt.loss == attempt.score
    assert attempt.losses[0] == pytest.approx(whole.fold_scores["rmse"][0], rel=1e-12)
    assert attempt.measurement is not None
    assert sorted(np.concatenate(list(attempt.measurement.rows.values()))) == list(range(600))
    folds = whole.fold_scores["rmse"]
    assert attempt.standard_error == pytest.approx(np.std(folds, ddof=1) / math.sqrt(3), rel=1e-9)


def test_what_an_earlier_run_measured_in_part_is_measured_again(evaluator: Evaluator) -> None:
    task = numbers(600)
    objective, rungs = Objective.of("rmse", task), rungs_of(task)
    one = climb(evaluator, rungs, objective, begun(), Allowance())
    through = climb(evaluator, rungs, objective, one, Allowance())
    again = climb(evaluator, rungs, objective, replace(one, measurement=None), Allowance())
    assert again.is_whole
    assert again.losses == through.losses
    assert again.last.fold_scores == through.last.fold_scores
    assert again.measurement is not None
    assert sorted(again.measurement.rows) == [0, 1, 2]


def test_a_large_table_goes_from_a_sample_to_the_holdout(evaluator: Evaluator) -> None:
    task = numbers(3500)
    objective = Objective.of("rmse", task)
    attempt = climbed(evaluator, rungs_of(task), objective, begun())
    assert attempt.is_whole
    assert [each.protocol for each in attempt.evaluations] == ["sample-v1", "cv-v1", "holdout-v1"]
    assert [len(each.fold_scores["rmse"]) for each in attempt.evaluations] == [1, 1, 1]
    assert len(attempt.losses) == 3
    assert attempt.measurement is not None
    errors = attempt.measurement.predictions[0] - task.y.to_numpy()[attempt.measurement.rows[0]]
    usual = np.std(errors**2) / math.sqrt(len(errors)) / (2 * attempt.score)  # of a root, by its derivative
    assert usual / 2 < attempt.standard_error < 2 * usual, "ten parts of it tell about as much"
    assert list(attempt.measurement.rows) == [0]
    assert fit_seconds_on_all(attempt, task, HOLDOUT_V1) >= attempt.last.fit_seconds


def test_all_folds_come_before_the_holdout_where_they_are_recorded(evaluator: Evaluator) -> None:
    task = numbers(3500)
    attempt = climbed(evaluator, rungs_of(task, is_recorded=True), Objective.of("rmse", task), begun())
    assert attempt.is_whole
    assert [len(each.fold_scores["rmse"]) for each in attempt.evaluations] == [1, 3, 1]
    assert len(attempt.losses) == 4


def test_catboost_has_few_rounds_on_the_sample_alone(evaluator: Evaluator) -> None:
    task = numbers(2500)
    many = Configuration(algorithm="catboost", values={"iterations": 200, "learning_rate": 0.05, "depth": 2})
    few = Configuration(algorithm="catboost", values={"iterations": 100, "learning_rate": 0.1, "depth": 2})
    objective, rungs = Objective.of("rmse", task), rungs_of(task)
    looked_at = climb(evaluator, rungs, objective, begun(many), Allowance())
    alike = climb(evaluator, rungs, objective, begun(few), Allowance())
    assert looked_at.losses == alike.losses
    assert looked_at.last.configuration == many, "of which it tells"
    further = climb(evaluator, rungs, objective, looked_at, Allowance())
    assert further.last.configuration == many
    measured = evaluator.measure(task, many, splits=CV_V1, seed=0, limits=Limits(), fold_numbers=(0,))
    assert further.score == measured.evaluation.score("rmse")
    told = as_if_of(many, replace(measured, evaluation=replace(alike.last, fit_seconds=1.5, predict_seconds=0.5)))
    assert (told.evaluation.fit_seconds, told.evaluation.predict_seconds) == (3.0, 1.0), "as if it had had all rounds"
    assert in_few_rounds(few, task.kind) is few
    assert in_few_rounds(RIDGE, task.kind) is RIDGE


def test_what_has_no_time_for_the_sample_has_none_for_more(evaluator: Evaluator) -> None:
    task = numbers(2500)
    late = climb(evaluator, rungs_of(task), Objective.of("rmse", task), begun(), Allowance(deadline=0.0))
    assert [(each.protocol, each.status) for each in late.evaluations] == [("sample-v1", Status.TIMED_OUT)]


def test_a_fold_that_does_not_define_the_metric_is_left_out(evaluator: Evaluator) -> None:
    X = pd.DataFrame({"a": np.arange(40.0)})
    y = pd.Series(["yes"] + ["no"] * 39, name="b")  # one fold of five has both classes, and nothing to learn from
    task = Task(name="rare", X=X, y=y, kind=TaskKind.BINARY, target="b")
    bayes = begun(Configuration(algorithm="naive_bayes"))
    attempt = climbed(evaluator, rungs_of(task), Objective.of("roc_auc", task), bayes)
    assert attempt.is_whole
    assert attempt.score == pytest.approx(0.5)


def test_a_fold_that_does_not_define_the_metric_leads_to_the_holdout(evaluator: Evaluator) -> None:
    X = pd.DataFrame({"a": np.arange(3301.0)})
    y = pd.Series(np.where(np.arange(3301) < 3299, "no", "yes"), name="b")  # the first fold of three has no "yes"
    task = Task(name="rare", X=X, y=y, kind=TaskKind.BINARY, target="b")
    bayes = begun(Configuration(algorithm="naive_bayes"))
    attempt = climbed(evaluator, rungs_of(task), Objective.of("roc_auc", task), bayes)
    assert [each.protocol for each in attempt.evaluations] == ["sample-v1", "cv-v1", "holdout-v1"]
    assert math.isinf(attempt.losses[1]), "else this tests nothing"
    assert math.isfinite(attempt.losses[2])
    assert attempt.is_whole


def test_folds_that_do_not_define_the_metric_tell_nothing(evaluator: Evaluator) -> None:
    X = pd.DataFrame({"a": np.arange(60.0)})
    y = pd.Series(np.where(np.arange(60) % 3 == 0, "yes", "no"), name="b")
    task = Task(name="split", X=X, y=y, kind=TaskKind.BINARY, target="b")
    one_class = np.flatnonzero(y == "no")[:10]
    rest = np.setdiff1d(np.arange(60), one_class)
    own = OwnSplits(folds=((rest, one_class), (rest[::2], rest[1::2])))
    bayes = begun(Configuration(algorithm="naive_bayes"))
    attempt = climb(evaluator, rungs_of(task, own), Objective.of("roc_auc", task), bayes, Allowance())
    assert attempt.is_whole, "it was measured on the next as well"
    assert math.isinf(attempt.losses[0])
    assert math.isfinite(attempt.score)

    def never(y_true: np.ndarray, y_pred: np.ndarray) -> float:
        return math.nan

    failed = climb(evaluator, rungs_of(task, own), Objective.of(make_scorer(never), task), bayes, Allowance())
    assert failed.has_failed, "of the user's own metric no reason is known"
