"""Which attempts become the model, and what is left of them after the fits on all rows."""

import math
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from autometa.ensembling import average
from autometa.evaluation.protocol import CV_V1
from autometa.evaluation.record import Evaluation, Status
from autometa.evaluation.running import Measurement
from autometa.fitting import FitOptions, timing
from autometa.fitting.finishing import (
    MAX_MEMBERS,
    Choice,
    Finished,
    Means,
    choose,
    fit_all,
    fit_choice,
    without,
)
from autometa.fitting.timing import by_time, n_affordable, reserve_seconds, seconds_left
from autometa.refinement.attempts import Attempt, Source, rungs_of
from autometa.refinement.objective import Objective
from autometa.space import Configuration, Value
from autometa.task import Task
from autometa.task_kind import TaskKind

N = 200
FOLDS = {0: np.arange(0, N, 2), 1: np.arange(1, N, 2)}


def curve() -> Task:
    """Return a regression on a line with a little noise."""
    rng = np.random.default_rng(5)
    X = pd.DataFrame(rng.normal(size=(N, 2)), columns=["a", "b"])
    return Task(name="curve", X=X, y=X["a"] + 0.1 * rng.normal(size=N), kind=TaskKind.REGRESSION, target="y")


def attempt(
    number: int,
    objective: Objective,
    predictions: np.ndarray,
    *,
    predict_seconds: float = 0.01,
    configuration: Configuration | None = None,
) -> Attempt:
    """Return a whole attempt that predicted this for all rows."""
    values: dict[str, Value] = {"alpha": float(number + 1)}
    configuration = configuration or Configuration(algorithm="ridge", values=values)
    evaluation = Evaluation(
        fingerprint=objective.task.fingerprint,
        configuration=configuration,
        protocol="cv-v1",
        pipelines_version="1",
        seed=0,
        status=Status.OK,
        fold_scores={"rmse": (1.0, 1.0)},
        fit_seconds=1.0,
        predict_seconds=predict_seconds,
        peak_memory_bytes=0,
        error="",
        absent={},
        versions={},
    )
    parts = {fold: predictions[rows] for fold, rows in FOLDS.items()}
    score = objective.score(parts, FOLDS)
    return Attempt(
        number=number,
        configuration=configuration,
        source=Source.ADVISED,
        is_whole=True,
        evaluations=(evaluation,),
        measurement=Measurement(evaluation=evaluation, predictions=parts, rows=FOLDS),
        losses=(objective.loss(score),),
        score=score,
    )


def noisy(objective: Objective, n: int, noise: float = 1.0) -> list[Attempt]:
    """Return attempts that are each as wrong as another, in their own ways."""
    rng = np.random.default_rng(6)
    y = np.asarray(objective.task.y)
    return [attempt(number, objective, y + noise * (1 + number / 50) * rng.normal(size=N)) for number in range(n)]


def same(attempts: list[Attempt], seconds: float) -> Mapping[int, float]:
    """Return the same time of a fit for all."""
    return {each.number: seconds for each in attempts}


@pytest.fixture(scope="module")
def rmse() -> Objective:
    """Root mean squared error on the line."""
    return Objective.of("rmse", curve())


def test_the_time_of_a_score_is_taken_anew_where_more_rows_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric of the user's own may take a while for each row: 20 of a sample say too little of 200 rows."""
    now = [0.0]

    def score(estimator: object, X: pd.DataFrame, y: np.ndarray) -> float:
        now[0] += len(y) / 128
        return 0.0

    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    objective = Objective.of(score, curve())
    whole = attempt(1, objective, np.zeros(N))
    assert whole.measurement is not None
    on_20 = replace(whole.measurement, predictions={0: np.zeros(20)}, rows={0: np.arange(20)})
    sample = replace(whole, number=0, measurement=on_20, is_whole=False)
    times = timing.FinishTimes(objective, CV_V1, FitOptions(time_budget=1_000.0, recommender="hybrid"))
    assert times.n_considered([sample]) == n_affordable(20 / 128, 1_000.0) == 25
    assert times.n_considered([sample, whole]) == n_affordable(N / 128, 1_000.0) == 2
    before = now[0]
    assert times.n_considered([sample, whole, sample]) == 2
    assert now[0] == before  # once is enough


def test_an_average_is_better_than_the_best_and_bounded(rmse: Objective) -> None:
    attempts = noisy(rmse, 20)
    choice = choose(attempts, rmse, same(attempts, 1.0), Means())
    best = min(attempts, key=lambda each: each.loss)
    assert choice.best is best
    assert 1 < len(choice.members) <= MAX_MEMBERS
    assert sum(choice.weights) == pytest.approx(1.0)
    assert choice.score < best.score
    whole = {
        each.number: np.concatenate([each.measurement.predictions[n] for n in FOLDS])
        for each in attempts
        if each.measurement
    }
    mean = average([whole[each.number] for each in choice.members], np.array(choice.weights))
    parts = dict(zip(FOLDS, np.split(mean, 2), strict=True))
    assert rmse.score(parts, FOLDS) == pytest.approx(choice.score)


def test_what_does_not_help_is_not_taken(rmse: Objective) -> None:
    y = np.asarray(rmse.task.y)
    attempts = [attempt(0, rmse, y + 5.0), attempt(1, rmse, y), attempt(2, rmse, y + 9.0)]
    choice = choose(attempts, rmse, same(attempts, 1.0), Means())
    assert choice.members == (attempts[1],)
    assert (choice.weights, choice.temperature, choice.score) == ((1.0,), 1.0, 0.0)


def test_without_an_ensemble_the_best_is_alone(rmse: Objective) -> None:
    attempts = noisy(rmse, 5)
    choice = choose(attempts, rmse, same(attempts, 1.0), Means(n_considered=1))
    assert choice.members == (min(attempts, key=lambda each: each.loss),)
    assert choice.score == choice.best.score


def test_what_cannot_be_afforded_is_left_out(rmse: Objective) -> None:
    attempts = noisy(rmse, 6)
    ranked = sorted(attempts, key=lambda each: each.loss)
    dear = {**same(attempts, 1.0), ranked[0].number: 50.0}
    choice = choose(attempts, rmse, dear, Means(max_seconds=10.0))
    assert choice.best is ranked[1], "the best of those that are fast enough"
    assert ranked[0] not in choice.members

    tight = choose(attempts, rmse, same(attempts, 1.0), Means(max_seconds=2.5))
    assert len(tight.members) <= 2, "all fits together keep the time"
    shared = choose(attempts, rmse, same(attempts, 1.0), Means(max_seconds=2.5, n_cores=2))
    assert len(tight.members) < len(shared.members) <= 5, "on two cores there is twice of it"

    late = choose(attempts, rmse, {**same(attempts, 5.0), ranked[3].number: 1.0}, Means(max_seconds=-1.0))
    assert late.members == (ranked[3],), "where nothing is fast enough, the fastest"


def test_members_that_predict_slowly_are_left_out(rmse: Objective) -> None:
    y = np.asarray(rmse.task.y)
    rng = np.random.default_rng(7)
    best = attempt(0, rmse, y + rng.normal(size=N))
    slow = attempt(1, rmse, y + 1.1 * rng.normal(size=N), predict_seconds=30.0)
    quick = attempt(2, rmse, y + 1.2 * rng.normal(size=N), predict_seconds=0.5)
    choice = choose([best, slow, quick], rmse, same([best, slow, quick], 1.0), Means(max_seconds=1e6))
    assert choice.members == (best, quick)
    unbounded = choose([best, slow, quick], rmse, same([best, slow, quick], 1.0), Means())
    assert slow in unbounded.members, "without a time budget nothing rests on a clock"


def test_one_configuration_is_a_member_once(rmse: Objective) -> None:
    attempts = noisy(rmse, 2)
    twin = attempt(5, rmse, np.asarray(rmse.task.y) + 9.0, configuration=attempts[0].configuration)
    choice = choose([*attempts, twin], rmse, same([*attempts, twin], 1.0), Means())
    assert twin not in choice.members


def test_a_classifier_that_is_too_sure_gets_a_temperature() -> None:
    rng = np.random.default_rng(8)
    X = pd.DataFrame({"a": rng.normal(size=N)})
    y = pd.Series(np.where(rng.uniform(size=N) < 0.7, "yes", "no"), name="b")
    task = Task(name="sure", X=X, y=y, kind=TaskKind.BINARY, target="b")
    sure = np.tile([0.01, 0.99], (N, 1))
    nb = Configuration(algorithm="naive_bayes")
    objective = Objective.of("log_loss", task)
    surer = np.tile([0.001, 0.999], (N, 1))
    whole = [attempt(0, objective, sure, configuration=nb), attempt(1, objective, surer)]
    choice = choose(whole, objective, same(whole, 1.0), Means())
    assert choice.members[0] is whole[0]
    assert choice.temperature > 1.5

    finished = fit_choice(choice, objective, np.asarray(y), n_cores=1, seed=0)
    assert isinstance(finished, Finished)
    assert finished.ensemble is not None, "a temperature is more than the pipeline"

    def log_loss_of_mine(estimator: object, X: pd.DataFrame, y: np.ndarray) -> float:
        return -float(log_loss(y, estimator.predict_proba(X), labels=["no", "yes"]))  # type: ignore[attr-defined] # a classifier

    log_loss_of_mine.__name__ = "log_loss"
    own = Objective.of(log_loss_of_mine, task)
    choice = choose([attempt(0, own, sure), attempt(1, own, surer)], own, {0: 1.0, 1: 1.0}, Means())
    assert choice.temperature == 1.0, "of a user's own metric nobody knows what a temperature does"


def test_what_fails_on_all_rows_is_dropped_and_the_score_is_that_of_the_rest(rmse: Objective) -> None:
    y = np.asarray(rmse.task.y)
    rng = np.random.default_rng(9)
    broken = Configuration(algorithm="ridge", values={"nonsense": 1})
    whole = [
        attempt(0, rmse, y + 1.0 * rng.normal(size=N), configuration=broken),
        attempt(1, rmse, y + 1.1 * rng.normal(size=N)),
        attempt(2, rmse, y + 1.2 * rng.normal(size=N)),
    ]
    choice = Choice(best=whole[0], members=tuple(whole), weights=(0.5, 0.3, 0.2), fold_scores=(0.1, 0.1))
    finished = fit_choice(choice, rmse, y, n_cores=2, seed=0)
    assert isinstance(finished, Finished)
    assert finished.choice.members == (whole[1], whole[2])
    assert finished.choice.weights == pytest.approx((0.6, 0.4))
    assert finished.choice.best is whole[1]
    assert whole[2].score > finished.choice.score > 0.1
    assert "nonsense" in finished.reasons[0]
    assert finished.ensemble is not None
    expected = 0.6 * finished.best.predict(rmse.task.X)
    others = fit_all([whole[2].configuration], rmse.task, y, sample_weight=None, n_cores=1, seed=0)[0][0]
    assert finished.ensemble.predict(rmse.task.X) == pytest.approx(expected + 0.4 * others.predict(rmse.task.X))

    alone = without(choice, {whole[1].configuration.key, whole[2].configuration.key}, rmse)
    assert alone is not None
    assert (alone.members, alone.weights, alone.score) == ((whole[0],), (1.0,), whole[0].score)
    single = Choice(best=whole[0], members=(whole[0],), weights=(1.0,), fold_scores=(0.1,))
    nothing = fit_choice(single, rmse, y, n_cores=1, seed=0)
    assert isinstance(nothing, tuple)
    assert "ridge: ConfigurationError" in nothing[0]


def test_fits_are_those_of_the_seed_and_take_weights() -> None:
    task = curve()
    y = np.asarray(task.y)
    forest = Configuration(algorithm="extra_trees", values={"n_estimators": 50})
    ridge = Configuration(algorithm="ridge")

    def fits(seed: int, weights: np.ndarray | None = None, n_cores: int = 1) -> list[np.ndarray]:
        pipelines, reasons = fit_all([forest, ridge], task, y, sample_weight=weights, n_cores=n_cores, seed=seed)
        assert reasons == []
        return [pipeline.predict(1.1 * task.X) for pipeline in pipelines]

    one, two, other = fits(0), fits(0, n_cores=2), fits(1)
    assert np.array_equal(one[0], two[0])
    assert not np.array_equal(one[0], other[0])
    weighted = fits(0, np.where(y > 0, 100.0, 0.01))
    assert weighted[1].mean() > one[1].mean() - 0.5
    assert not np.allclose(weighted[1], one[1])


def test_what_is_reserved_is_within_reason(rmse: Objective) -> None:
    attempts = noisy(rmse, 10)
    assert reserve_seconds([], {}, 60.0, 1) == pytest.approx(6.3), "a tenth, as long as nothing is known"
    quick = reserve_seconds(attempts, same(attempts, 0.1), 60.0, 1)
    assert 0.8 < quick < 2
    assert reserve_seconds(attempts, same(attempts, 0.1), 60.0, 4) < quick
    assert reserve_seconds(attempts, same(attempts, 1e6), 60.0, 1) < 45, "never all of it"
    slow_metric = reserve_seconds(attempts, same(attempts, 0.1), 60.0, 1, 0.01)
    assert quick < slow_metric < quick + 0.2 * 60
    assert n_affordable(10.0, 60.0) == 1
    assert math.isinf(seconds_left(0.0, None))


def test_what_takes_longer_than_is_left_is_told_apart(rmse: Objective) -> None:
    quick, slow, unknown = (
        replace(each, evaluations=(replace(each.last, fit_seconds=seconds),))
        for each, seconds in zip(noisy(rmse, 3), (0.1, 5.0, math.nan), strict=True)
    )
    task, rungs = rmse.task, rungs_of(rmse.task)
    assert by_time([slow, quick, unknown], rungs, task, 2.0) == ([quick], [slow, unknown])
    assert by_time([slow, quick], rungs, task, math.inf) == ([slow, quick], [])
    assert by_time([], rungs, task, 2.0) == ([], [])
