"""What a recommender is told of attempts that came differently far."""

import math
from dataclasses import replace

import pytest

from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator
from autometa.refinement.attempts import Source, rungs_of
from autometa.refinement.climbing import Allowance, climb
from autometa.refinement.objective import Objective
from autometa.refinement.proposing import told_of
from autometa.refinement.stopping import measure_stages
from tests.refinement.conftest import begun, climbed, lightgbm, numbers


def test_a_recommender_is_told_of_the_first_splits_alone(evaluator: Evaluator) -> None:
    task = numbers(3200)
    objective, rungs = Objective.of("rmse", task), rungs_of(task)
    configuration = lightgbm(n_estimators=50)
    whole = climbed(evaluator, rungs, objective, begun(configuration, Source.ADVISED))
    stopped = replace(measure_stages(evaluator, rungs, objective, begun(configuration), Allowance()), number=1)
    assert [each.protocol for each in stopped.evaluations] == ["holdout-v1"]
    assert [each.protocol for each in told_of([whole, stopped])] == ["cv-v1"]
    assert told_of([]) == []


def test_of_what_came_no_further_than_the_sample_a_recommender_is_told_what_is_to_be_expected(
    evaluator: Evaluator,
) -> None:
    task = numbers(3200)
    objective, rungs = Objective.of("rmse", task), rungs_of(task)
    trees = [lightgbm(n_estimators=n) for n in (50, 60, 70)]
    first, second, third = (
        climb(evaluator, rungs, objective, replace(begun(each, Source.ADVISED), number=n), Allowance())
        for n, each in enumerate(trees)
    )
    on_sample = [each.evaluations[0] for each in (first, second, third)]
    assert told_of([first, second, third]) == on_sample, "they are of the same rows"
    further = [climb(evaluator, rungs, objective, each, Allowance()) for each in (first, second)]
    told = told_of([third, *further])
    assert [each.configuration for each in told] == trees
    assert [each.protocol for each in told] == ["cv-v1"] * 3
    assert told[:2] == [each.evaluations[1] for each in further]
    for name in ("rmse", "mae"):
        before, after = (sum(each.score(name) for each in some) for some in (on_sample[:2], told[:2]))
        assert told[2].score(name) == pytest.approx(on_sample[2].score(name) * after / before)
    loss = 1 - on_sample[2].score("r2")
    assert 1 - told[2].score("r2") < loss, "twice the rows are better"
    failure = replace(on_sample[2], status=Status.FAILED, fold_scores={}, error="it did")
    failed = replace(third, evaluations=(failure,), losses=())
    assert told_of([failed, *further])[2].status is Status.FAILED


def test_where_only_failures_came_further_a_recommender_is_told_of_the_sample(evaluator: Evaluator) -> None:
    task = numbers(3200)
    objective, rungs = Objective.of("rmse", task), rungs_of(task)
    first, second = (
        climb(evaluator, rungs, objective, replace(begun(lightgbm(n_estimators=n)), number=n), Allowance())
        for n in (50, 60)
    )
    (good,) = first.evaluations
    failure = replace(good, status=Status.FAILED, fold_scores={}, error="it did")
    again = replace(failure, protocol="cv-v1")
    failed = replace(second, evaluations=(failure, again), losses=(math.inf,))
    assert told_of([first, failed]) == [good, failure]
    timed_out = replace(second, evaluations=(failure, replace(again, status=Status.TIMED_OUT)))
    assert told_of([first, timed_out]) == [good, failure]
    fine = replace(second, evaluations=(failure, replace(good, protocol="cv-v1")))
    assert told_of([first, fine]) == [good], "on a fold it is good: nothing is condemned by the sample"
    assert told_of([failed]) == [again]


def test_where_nothing_is_lost_on_the_sample_nothing_is_expected_to_be(evaluator: Evaluator) -> None:
    task = numbers(3200)
    objective, rungs = Objective.of("rmse", task), rungs_of(task)
    one = climb(evaluator, rungs, objective, begun(lightgbm(n_estimators=50)), Allowance())
    perfect = replace(one.evaluations[0], fold_scores={"rmse": (0.0,)})
    further = replace(one, evaluations=(perfect, replace(perfect, protocol="cv-v1")))
    told = told_of([replace(one, number=1, evaluations=(perfect,)), further])
    assert [each.fold_scores for each in told] == [{"rmse": (0.0,)}] * 2
