"""Probing: real pipelines on a small table, on which what is advised first is no good."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from autometa.evaluation.protocol import CV_V1
from autometa.evaluation.record import Evaluation, Status
from autometa.metric import get_metric
from autometa.probing import DEFAULTS, is_decisive, probe
from autometa.recommenders.advising import Grounds, best_measured_first
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.calibration import Calibration
from autometa.recommenders.candidates import Candidates
from autometa.recommenders.recommendation import Probe
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.recommenders.experiences import make_description, make_evaluation, make_experience

BAYES = Configuration(algorithm="naive_bayes")
TREE = Configuration(algorithm="decision_tree")
AUC = get_metric("roc_auc", TaskKind.BINARY)
BOOSTED, FOREST = DEFAULTS["lightgbm"], DEFAULTS["random_forest"]


@pytest.fixture
def task() -> Task:
    """Return 300 rows whose class is whether two numbers have one sign: nothing for naive Bayes."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"])
    y = pd.Series(np.where(X["a"] * X["b"] > 0, "same", "other"), name="sign")
    return Task(name="signs", X=X, y=y, kind=TaskKind.BINARY, target="sign")


@pytest.fixture
def grounds() -> Grounds:
    """Return the advice of a world in which naive Bayes is best, then the tree, the forest, LightGBM's default."""
    return grounds_of(BAYES, TREE, FOREST, BOOSTED)


def grounds_of(*configurations: Configuration) -> Grounds:
    """Return grounds on which configurations are advised in this order."""
    losses = np.linspace(0.1, 0.4, len(configurations))
    experience = replace(make_experience([losses.tolist()] * 10), configurations=configurations)
    return Grounds(
        ranker=BestOnAverage().fit(experience),
        description=make_description("signs"),
        priced=Candidates(
            configurations=configurations,
            fit_seconds=np.full(len(configurations), 0.1),
            memory_bytes=np.full(len(configurations), 1e7),
            predict_seconds=np.full(len(configurations), 0.01),
        ),
        calibration=Calibration(residuals=np.zeros(0), weights=np.zeros(0), first=np.zeros(0), n_tasks=0),
    )


def _algorithms(probed: Probe) -> list[str]:
    return [run.configuration.algorithm for run in probed.runs]


def _order(grounds: Grounds, observed: Sequence[Evaluation]) -> list[Configuration]:
    losses = grounds.losses(observed)
    order = best_measured_first(grounds.order(observed, losses, 3), grounds, observed, losses)
    return [grounds.candidates[position] for position in order]


def test_the_first_then_defaults_then_what_is_left_are_measured_and_the_best_leads(
    task: Task, grounds: Grounds
) -> None:
    seen: list[str] = []
    probed = probe(task, grounds, (), seconds=120, protocol=CV_V1, report=lambda _, algorithm: seen.append(algorithm))
    assert _algorithms(probed) == ["naive_bayes", "lightgbm", "random_forest", "decision_tree"]
    assert seen == _algorithms(probed)
    assert (probed.first, probed.n_rows, probed.ended) == (BAYES, 300, probed.runs)
    assert is_decisive(probed, (), AUC, grounds.candidates)
    scores = {run.configuration: run.score("roc_auc") for run in probed.ended}
    assert scores[BAYES] < 0.7 < scores[BOOSTED]
    assert _order(grounds, probed.ended)[0] == max(scores, key=lambda each: scores[each])
    assert len(_order(grounds, probed.ended)) == 3


def test_what_was_measured_before_is_not_measured_again(task: Task, grounds: Grounds) -> None:
    before = [make_evaluation(TREE, 0.9), make_evaluation(BAYES, 0.5)]
    probed = probe(task, grounds, before, seconds=120, protocol=CV_V1)
    assert _algorithms(probed) == ["lightgbm", "random_forest"]
    assert probed.first == TREE  # the best of what is known
    assert is_decisive(probed, before, AUC, grounds.candidates)


def test_defaults_that_may_not_be_advised_are_not_measured(task: Task) -> None:
    probed = probe(task, grounds_of(BAYES, TREE), (), seconds=120, protocol=CV_V1)
    assert _algorithms(probed) == ["naive_bayes", "decision_tree"]


def test_a_default_that_is_advised_first_is_measured_once(task: Task) -> None:
    probed = probe(task, grounds_of(BOOSTED, TREE), (), seconds=120, protocol=CV_V1)
    assert _algorithms(probed) == ["lightgbm", "decision_tree"]


def test_without_a_result_of_the_first_nothing_is_decided(task: Task) -> None:
    slow = Configuration(algorithm="random_forest", values={"n_estimators": 500})
    probed = probe(task, grounds_of(slow, BAYES), (), seconds=0.2, protocol=CV_V1)
    assert [run.status for run in probed.runs if run.configuration == slow] in ([], [Status.TIMED_OUT])
    assert all(run.configuration != slow for run in probed.ended)
    assert not is_decisive(probed, (), AUC, [slow, BAYES])
    assert not is_decisive(probed, [make_evaluation(BAYES, 0.9)], AUC, [slow, BAYES])


def test_a_first_that_fails_gives_way(task: Task) -> None:
    failed = Probe(
        first=BAYES,
        runs=(make_evaluation(BAYES, None), make_evaluation(TREE, 0.8)),
        n_rows=300,
        seconds=1.0,
    )
    known = [BAYES, TREE, FOREST, BOOSTED]
    assert is_decisive(failed, (), AUC, known)
    order = _order(grounds_of(*known), failed.ended)
    assert order[0] == TREE
    assert BAYES not in order
    nothing = replace(failed, runs=failed.runs[:1])
    assert not is_decisive(nothing, (), AUC, known)
    assert not is_decisive(nothing, [make_evaluation(TREE, 0.8)], AUC, [BAYES, FOREST])  # which is no candidate
    # All succeeded, but none has a score in this metric.
    good, log_loss = replace(failed, runs=(make_evaluation(BAYES, 0.8),)), get_metric("log_loss", task.kind)
    assert not is_decisive(good, (), log_loss, known)
