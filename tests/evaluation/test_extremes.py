"""Tasks at the edge of what numbers and classes can be: a status that is true, and scores that are right."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import Ridge

from autometa.evaluation.protocol import CV_V1
from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator, Limits
from autometa.evaluation.scoring import score_fold
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

THEIRS = Configuration(algorithm="theirs")


def _line(scale: float) -> Task:
    """A regression of 60 rows whose targets are of the size of ``scale``."""
    X = pd.DataFrame({"a": np.linspace(-1, 1, 60)})
    y = (X["a"] + 0.1 * np.cos(np.arange(60.0))) * scale
    return Task(name="line", X=X, y=y, kind=TaskKind.REGRESSION, target="b")


def _rare() -> Task:
    """Thirty-one rows, one of them of the second class."""
    X = pd.DataFrame({"a": np.arange(31.0)})
    return Task(name="rare", X=X, y=pd.Series(30 * ["no"] + ["yes"]), kind=TaskKind.BINARY, target="y")


@pytest.mark.parametrize("certainty", [0.0, 1e-300, 1e-17, 1e-15, 1.0])
def test_the_log_loss_of_the_certain_is_clipped_as_by_scikit_learn(certainty: float) -> None:
    y_true = np.array([0, 1, 1])
    probabilities = np.array([[certainty, 1 - certainty], [0.5, 0.5], [0.0, 1.0]])
    fold = score_fold(TaskKind.BINARY, y_true, np.array([0, 1, 1]), probabilities)
    assert fold.scores["log_loss"] == pytest.approx(metrics.log_loss(y_true, probabilities), rel=1e-14)


def test_scores_of_tiny_targets_are_those_of_large_ones_scaled(evaluator: Evaluator) -> None:
    large, tiny = (evaluator.evaluate_estimator(_line(scale), Ridge(), THEIRS, seed=1) for scale in (1.0, 1e-12))
    assert (large.status, tiny.status) == (Status.OK, Status.OK)
    assert tiny.score("r2") > 0.9
    for name, factor in {"rmse": 1e-12, "mae": 1e-12, "r2": 1.0}.items():
        # the seeds of rows derive from the table, so the folds differ: the sizes are compared, not the digits
        assert tiny.score(name) == pytest.approx(factor * large.score(name), rel=0.2)


def test_a_pipeline_learns_tiny_targets(evaluator: Evaluator) -> None:
    evaluation = evaluator.evaluate(_line(1e-12), Configuration(algorithm="ridge"))
    assert evaluation.status is Status.OK, evaluation.error
    assert evaluation.score("r2") > 0.9
    assert evaluation.score("rmse") < 2e-13


def test_targets_whose_squares_overflow_fail_with_that_reason(evaluator: Evaluator) -> None:
    evaluation = evaluator.evaluate_estimator(_line(1e300), DummyRegressor(), THEIRS)
    assert (evaluation.status, evaluation.error) == (Status.FAILED, "DataError: rmse is not finite: inf")


def test_large_targets_whose_squares_do_not_overflow_are_scored(evaluator: Evaluator) -> None:
    evaluation = evaluator.evaluate_estimator(_line(1e150), DummyRegressor(), THEIRS)
    assert evaluation.status is Status.OK, evaluation.error
    assert evaluation.score("rmse") == pytest.approx(0.6e150, rel=0.1)


def test_a_class_of_one_row_leaves_all_metrics_but_the_area_under_the_curve(evaluator: Evaluator) -> None:
    evaluation = evaluator.evaluate_estimator(_rare(), DummyClassifier(strategy="prior"), THEIRS)
    assert evaluation.status is Status.OK, evaluation.error
    assert evaluation.absent == {"roc_auc": "undefined in a test fold of one class"}
    right = [len(test) - (30 in test) for _, test in CV_V1.prepare(_rare(), 0).folds]
    n_tests = [len(test) for _, test in CV_V1.prepare(_rare(), 0).folds]
    assert evaluation.fold_scores["accuracy"] == pytest.approx([n / m for n, m in zip(right, n_tests, strict=True)])


def test_a_learner_that_needs_two_classes_fails_where_a_fold_has_one(evaluator: Evaluator) -> None:
    evaluation = evaluator.evaluate(_rare(), Configuration(algorithm="logistic_regression"))
    assert evaluation.status is Status.FAILED
    assert "at least 2 classes" in evaluation.error
    assert evaluator.evaluate(_rare(), Configuration(algorithm="k_nearest_neighbors")).status is Status.OK


def test_a_hundred_classes_at_three_thousand_rows_are_scored(evaluator: Evaluator) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(3_000) % 100
    X = pd.DataFrame(
        {"tens": y // 10 + rng.normal(scale=0.1, size=3_000), "ones": y % 10 + rng.normal(scale=0.1, size=3_000)}
    )
    task = Task(name="hundred", X=X, y=pd.Series(y), kind=TaskKind.MULTICLASS, target="y")
    with Evaluator(Limits(cpu_seconds=20)) as generous:
        evaluation = generous.evaluate(task, Configuration(algorithm="k_nearest_neighbors"))
    assert evaluation.status is Status.OK, evaluation.error
    assert evaluation.absent == {}
    assert {len(scores) for scores in evaluation.fold_scores.values()} == {3}
    assert evaluation.score("accuracy") > 0.99
    assert evaluation.score("roc_auc") > 0.99
