"""Other numbers of rounds of boosted trees are found where they are better."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator
from autometa.pipelines.rounds import n_rounds
from autometa.refinement.attempts import Source, rungs_of
from autometa.refinement.climbing import Allowance
from autometa.refinement.objective import Objective
from autometa.refinement.planning import Budget, Plan
from autometa.refinement.proposing import Proposer
from autometa.refinement.refining import refine
from autometa.refinement.stopping import measure_stages, next_to_stop, stages_of, without_rounds
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.refinement.conftest import advised, begun, climbed, lightgbm, numbers

pytestmark = pytest.mark.usefixtures("warm")


def noise(n_rows: int = 80) -> Task:
    """Return a table of two classes that is hardly more than noise, on which many rounds overfit."""
    rng = np.random.default_rng(4)
    X = pd.DataFrame(rng.normal(size=(n_rows, 3)), columns=list("abc"))
    y = pd.Series(np.where(X["a"] + 2 * rng.normal(size=n_rows) > 0, "yes", "no"), name="d")
    return Task(name="noise", X=X, y=y, kind=TaskKind.BINARY, target="d")


def test_stages_are_other_numbers_within_the_range() -> None:
    assert stages_of(lightgbm(n_estimators=100), TaskKind.BINARY) == (50, 60, 80, 125, 160, 200)
    assert stages_of(lightgbm(n_estimators=1000), TaskKind.BINARY) == (250, 400, 600, 800)
    assert stages_of(Configuration(algorithm="naive_bayes"), TaskKind.BINARY) == ()
    assert stages_of(Configuration(algorithm="catboost"), TaskKind.BINARY) == (), "its rate depends on the rounds"
    assert without_rounds(lightgbm(n_estimators=100)) == without_rounds(lightgbm(n_estimators=70)) != ""
    assert without_rounds(lightgbm(learning_rate=0.2)) != without_rounds(lightgbm())


@pytest.mark.parametrize(("task", "metric"), [(noise(), "log_loss"), (numbers(80, noise=6.0), "rmse")])
def test_fewer_rounds_are_found_where_they_are_better(task: Task, metric: str, evaluator: Evaluator) -> None:
    objective = Objective.of(metric, task)
    rungs = rungs_of(task)
    many = lightgbm(n_estimators=400, learning_rate=0.3)
    before = climbed(evaluator, rungs, objective, begun(many))
    after = measure_stages(evaluator, rungs, objective, begun(many), Allowance())
    assert after.is_whole
    assert n_rounds(after.configuration) == 100, "a quarter, the least that is looked at"
    assert after.loss < before.loss
    assert after.last.fit_seconds > 0

    actual = climbed(evaluator, rungs, objective, begun(after.configuration))
    assert after.score == pytest.approx(actual.score, abs=1e-6)
    assert after.measurement is not None
    assert actual.measurement is not None
    for number, predictions in actual.measurement.predictions.items():
        assert after.measurement.predictions[number] == pytest.approx(predictions, abs=1e-6)
        assert (after.measurement.rows[number] == actual.measurement.rows[number]).all()
    assert after.last.configuration == after.configuration
    assert set(after.last.fold_scores) == set(actual.last.fold_scores)
    for name, scores in actual.last.fold_scores.items():
        assert after.last.fold_scores[name] == pytest.approx(scores, abs=1e-6), name


def test_more_rounds_are_found_where_they_are_better(evaluator: Evaluator) -> None:
    task = numbers(80, noise=0.1)
    few = lightgbm(n_estimators=50, learning_rate=0.02)
    found = measure_stages(evaluator, rungs_of(task), Objective.of("rmse", task), begun(few), Allowance())
    assert n_rounds(found.configuration) == 100


def test_stages_that_are_cut_short_are_a_failure_with_a_reason(evaluator: Evaluator) -> None:
    task = noise()
    allowance = Allowance(deadline=0.0)
    cut = measure_stages(evaluator, rungs_of(task), Objective.of("log_loss", task), begun(lightgbm()), allowance)
    assert cut.last.status is Status.TIMED_OUT
    assert cut.has_failed
    assert not cut.is_whole


def test_rounds_are_looked_at_once_for_each_best(one_shard_base: Path, evaluator: Evaluator) -> None:
    task = noise()
    recommendation, grounds = advised(one_shard_base, task, ("lightgbm",), k=1)
    objective = Objective.of("log_loss", task)
    proposer = Proposer(grounds, recommendation, seed=0)
    first = proposer.propose(0, [], set())
    assert first.source is Source.ADVISED
    assert first.configuration == recommendation[0].configuration
    rungs = rungs_of(task)
    best = climbed(evaluator, rungs, objective, begun(lightgbm(), Source.ADVISED))
    assert next_to_stop([best], task.kind) == lightgbm()
    needed = 5 * 2 * (best.last.fit_seconds + best.last.predict_seconds)
    assert next_to_stop([best], task.kind, 1.01 * needed) == lightgbm(), "five folds, of up to twice the rounds"
    assert next_to_stop([best], task.kind, 0.99 * needed) is None, "there is no time for it"
    had = {recommendation[0].configuration.key}
    second = proposer.propose(1, [best], had)
    assert (second.source, second.configuration) == (Source.STOPPED, lightgbm())
    assert proposer.propose(2, [best], had).source is not Source.STOPPED, "it is being looked at"
    stopped = measure_stages(evaluator, rungs, objective, begun(lightgbm()), Allowance())
    again = Proposer(grounds, recommendation, seed=0)
    assert again.propose(2, [best, stopped], had).source is not Source.STOPPED, "a study that goes on knows it"


def test_a_refinement_looks_at_other_rounds(one_shard_base: Path) -> None:
    task = noise(60)
    recommendation, grounds = advised(one_shard_base, task, ("lightgbm",), k=1)
    objective = Objective.of("log_loss", task)
    results = [refine(grounds, recommendation, objective, Plan(budget=Budget(n_trials=6), n_workers=n)) for n in (1, 2)]
    told = [[(a.number, a.source, a.configuration.key, a.losses) for a in each.attempts] for each in results]
    assert told[0] == told[1]
    stopped = [each for each in results[0].attempts if each.source is Source.STOPPED]
    assert stopped
    assert results[0].best is not None
    assert results[0].best.loss <= stopped[0].loss
    names = [trial.user_attrs["source"] for trial in results[0].study.get_trials()]
    assert names.count("stopped") == len(stopped)
