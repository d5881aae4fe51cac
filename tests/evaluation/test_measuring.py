"""`Evaluator.measure`: out-of-fold predictions, some folds alone, weighted rows, stages of boosted trees."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_predict

from autometa._random import spawn
from autometa.errors import ConfigurationError, OptionError
from autometa.evaluation.limits import Limits, n_cores
from autometa.evaluation.protocol import CV_V1, OwnSplits
from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator, Measurement
from autometa.pipelines.building import build
from autometa.pipelines.rounds import with_rounds
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

TREE = Configuration(algorithm="decision_tree", values={"max_depth": 3})
NAIVE_BAYES = Configuration(algorithm="naive_bayes")
LIGHTGBM = Configuration(algorithm="lightgbm", values={"n_estimators": 90, "num_leaves": 4, "min_child_samples": 5})

TAMPERING = '''
"""Not XGBoost: a regressor that finds what was predicted in the fold before, and spoils it."""

import glob
import os

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin


class XGBRegressor(RegressorMixin, BaseEstimator):
    def __init__(self, n_estimators=100, random_state=0, n_jobs=1, verbosity=0):
        self.n_estimators = n_estimators
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbosity = verbosity

    def fit(self, X, y):
        for path in glob.glob("{folder}/autometa-predictions-*/0.npy"):
            getattr(self, f"_act_{{self.n_estimators}}")(path)
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def _act_50(self, path):
        pass

    def _act_51(self, path):
        with open(path, "wb") as file:
            file.write(b"garbage")

    def _act_52(self, path):
        np.save(path, np.zeros(3))

    def _act_53(self, path):
        os.unlink(path)
        os.mkfifo(path)

    def _act_54(self, path):
        np.save(path, np.load(path) * np.nan)

    def _act_55(self, path):
        os.unlink(path)

    def _act_56(self, path):
        np.save(path, np.array([object()] * 18), allow_pickle=True)

    def _act_57(self, path):
        os.truncate(path, 10**8)


XGBClassifier = XGBRegressor
'''


def iris() -> Task:
    """Return three classes of flowers."""
    data = load_iris(as_frame=True)
    names = data.target.map(dict(enumerate(data.target_names)))
    return Task(name="iris", X=data.data, y=names.rename("name"), kind=TaskKind.MULTICLASS, target="name")


def line(n_rows: int = 90) -> Task:
    """Return a regression on a line with noise."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n_rows, 2)), columns=["a", "b"])
    y = (2 * X["a"] + rng.normal(size=n_rows)).rename("c")
    return Task(name="noisy line", X=X, y=y, kind=TaskKind.REGRESSION, target="c")


def reference(task: Task, configuration: Configuration) -> np.ndarray:
    """Return what scikit-learn's own cross-validation predicts on the same folds, by row of the task."""
    seed = spawn(0, "evaluation", configuration.key) % 2**31
    pipeline = build(configuration, kind=task.kind, column_kinds=task.column_kinds, seed=seed)
    method = "predict_proba" if task.kind.is_classification else "predict"
    folds = CV_V1.prepare(task, 0).folds
    return np.asarray(cross_val_predict(pipeline, task.X, task.y, cv=list(folds), method=method))


def by_row(measured: Measurement) -> np.ndarray:
    """Return what was predicted, in the order of the rows of the task."""
    rows = np.concatenate([measured.rows[number] for number in measured.rows])
    predictions = np.concatenate([measured.predictions[number] for number in measured.rows])
    return np.asarray(predictions[np.argsort(rows)])


@pytest.fixture(scope="module")
def roomy() -> Iterator[Evaluator]:
    """An evaluator with the usual limits."""
    with Evaluator() as evaluator:
        yield evaluator


@pytest.mark.parametrize(("task", "configuration"), [(iris(), NAIVE_BAYES), (iris(), TREE), (line(), TREE)])
def test_predictions_are_those_of_scikit_learn_on_the_same_folds(
    task: Task, configuration: Configuration, roomy: Evaluator
) -> None:
    measured = roomy.measure(task, configuration)
    assert measured.evaluation.fold_scores == roomy.evaluate(task, configuration).fold_scores
    assert sorted(np.concatenate(list(measured.rows.values()))) == list(range(task.n_rows))
    assert by_row(measured) == pytest.approx(reference(task, configuration), abs=1e-9)


def test_folds_that_are_measured_apart_are_the_whole(roomy: Evaluator) -> None:
    task = iris()
    whole = roomy.measure(task, TREE)
    first, others = roomy.measure(task, TREE, fold_numbers=(0,)), roomy.measure(task, TREE, fold_numbers=(3, 1))
    assert list(first.predictions) == [0]
    assert list(others.predictions) == [3, 1]
    for part in (first, others):
        for number in part.predictions:
            assert np.array_equal(part.predictions[number], whole.predictions[number])
            assert np.array_equal(part.rows[number], whole.rows[number])
    for name, scores in whole.evaluation.fold_scores.items():
        assert first.evaluation.fold_scores[name] == scores[:1]
        assert others.evaluation.fold_scores[name] == (scores[3], scores[1])
    with pytest.raises(OptionError, match=r"folds are numbered 0 to 4, got \[5\]"):
        roomy.measure(task, TREE, fold_numbers=(5,))


def test_own_splits_are_measured_as_they_are_given(roomy: Evaluator) -> None:
    task = line()
    order = np.arange(90)
    splits = OwnSplits(folds=((order[:60], order[60:]), (order[30:], order[29::-1])))
    measured = roomy.measure(task, TREE, splits=splits)
    assert measured.evaluation.protocol == splits.name
    assert splits.name.startswith("own:")
    assert splits.name != OwnSplits(folds=splits.folds[:1]).name
    assert splits.fit_rows(90) == 60
    pipeline = build(TREE, kind=task.kind, column_kinds=task.column_kinds)
    for number, (train, test) in enumerate(splits.folds):
        assert np.array_equal(measured.rows[number], test)
        pipeline.fit(task.X.iloc[train], task.y.iloc[train])
        assert measured.predictions[number] == pytest.approx(pipeline.predict(task.X.iloc[test]), abs=1e-9)
    with pytest.raises(OptionError, match="the splits have rows beyond the 50 of the table; give positions from 0"):
        roomy.measure(line(50), TREE, splits=splits)
    for folds in ((), ((order, order[:0]),)):
        with pytest.raises(OptionError, match="need a fold at least, and each rows to learn from and to test on"):
            OwnSplits(folds=folds)


@pytest.mark.parametrize(
    ("task", "configuration"),
    [
        (line(), Configuration(algorithm="ridge", values={"scaling": "none", "alpha": 2.0})),
        (line(), TREE),
        (iris(), TREE),
    ],
)
def test_rows_without_weight_are_as_if_they_were_not_there(
    task: Task, configuration: Configuration, roomy: Evaluator
) -> None:
    order = np.random.default_rng(1).permutation(task.n_rows)
    train, test = order[: task.n_rows // 2], order[task.n_rows // 2 :]
    counts = train[: len(train) * 2 // 3]
    weights = np.zeros(task.n_rows)
    weights[counts] = 1.0
    weighted = roomy.measure(task, configuration, splits=OwnSplits(folds=((train, test),)), sample_weight=weights)
    without = roomy.measure(task, configuration, splits=OwnSplits(folds=((counts, test),)))
    plain = roomy.measure(task, configuration, splits=OwnSplits(folds=((train, test),)))
    assert weighted.predictions[0] == pytest.approx(without.predictions[0], abs=1e-6)
    assert not np.allclose(weighted.predictions[0], plain.predictions[0])


def test_what_takes_no_weights_fails_with_the_reason(roomy: Evaluator) -> None:
    configuration = Configuration(algorithm="k_nearest_neighbors")
    measured = roomy.measure(iris(), configuration, sample_weight=np.ones(150))
    assert measured.evaluation.status is Status.FAILED
    assert "KNeighborsClassifier takes no weights of rows; choose other algorithms" in measured.evaluation.error
    assert (measured.predictions, measured.rows) == ({}, {})


def test_weights_of_one_measurement_are_forgotten_by_the_next(roomy: Evaluator) -> None:
    task = line()
    plain = by_row(roomy.measure(task, TREE))
    for seed in range(3):  # new arrays may lie where old ones lay
        weights = np.random.default_rng(seed).uniform(size=90)
        weighted = by_row(roomy.measure(task, TREE, sample_weight=weights))
        again = by_row(roomy.measure(task, TREE, sample_weight=weights))
        assert np.array_equal(weighted, again)
        assert not np.array_equal(weighted, plain)
    assert np.array_equal(by_row(roomy.measure(task, TREE)), plain)


@pytest.mark.parametrize("task", [iris(), line()])
def test_stages_are_what_fits_of_fewer_rounds_predict(task: Task, roomy: Evaluator) -> None:
    staged = roomy.measure(task, LIGHTGBM, rounds=(50, 70, 90))
    assert staged.evaluation.fold_scores == roomy.evaluate(task, LIGHTGBM).fold_scores, "those of all rounds"
    for place, n in enumerate((50, 70, 90)):
        whole = roomy.measure(task, with_rounds(LIGHTGBM, n, task.kind))
        for number, predictions in whole.predictions.items():
            assert staged.predictions[number].shape == (3, *predictions.shape)
            assert staged.predictions[number][place] == pytest.approx(predictions, abs=1e-6)


def test_limits_of_one_measurement_are_its_own(roomy: Evaluator) -> None:
    cut = roomy.measure(line(), TREE, limits=Limits(max_wall_seconds=1e-4))
    assert cut.evaluation.status is Status.TIMED_OUT
    assert "wall-clock time over the limit of 0.0001 s" in cut.evaluation.error
    assert roomy.measure(line(), TREE).evaluation.status is Status.OK
    with pytest.raises(OptionError, match="the limit on the clock must be positive, got 0 s"):
        Limits(max_wall_seconds=0)
    assert Limits(cpu_seconds=10, max_wall_seconds=5).wall_seconds == 5
    assert Limits(cpu_seconds=1, max_wall_seconds=5).wall_seconds == 3


def test_what_cannot_be_built_is_refused(roomy: Evaluator) -> None:
    with pytest.raises(ConfigurationError, match="nonsense"):
        roomy.measure(line(), Configuration(algorithm="ridge", values={"nonsense": 1}))
    assert roomy.measure(line(), TREE).evaluation.status is Status.OK


@pytest.fixture
def tampering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library that spoils predictions, for processes that are started from here on; where they lie."""
    (tmp_path / "xgboost").mkdir()
    (tmp_path / "xgboost" / "__init__.py").write_text(TAMPERING.format(folder=tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_predictions_that_a_learner_spoils_are_a_failure_of_its_own(tampering: Path) -> None:
    with Evaluator() as evaluator:
        for act in (51, 52, 53, 54, 55, 56, 57, 50):
            spoilt = Configuration(algorithm="xgboost", values={"n_estimators": act})
            measured = evaluator.measure(line(), spoilt)
            if act == 50:
                assert measured.evaluation.status is Status.OK, measured.evaluation.error
                continue
            assert measured.evaluation.status is Status.FAILED, act
            assert measured.evaluation.error == "the learner disturbed its predictions", act
            assert measured.predictions == {}
            assert measured.evaluation.fold_scores == {}
    assert list(tampering.glob("autometa-*")) == [], "nothing is left behind"


def test_soft_limits_measure_the_same(tampering: Path, roomy: Evaluator) -> None:
    task = line()
    with Evaluator(hard=False) as soft:
        soft.start()
        measured = soft.measure(task, TREE, fold_numbers=(1, 2))
        spoilt = soft.measure(task, Configuration(algorithm="xgboost", values={"n_estimators": 52}))
    hard = roomy.measure(task, TREE)
    assert list(measured.predictions) == [1, 2]
    assert all(np.array_equal(measured.predictions[number], hard.predictions[number]) for number in (1, 2))
    assert spoilt.evaluation.error == "the learner disturbed its predictions"


def test_a_number_of_cores_is_itself_or_all() -> None:
    assert n_cores(3) == 3
    assert n_cores(-1) >= 1
    for wrong in (0, -2, 1.5, True, "2"):
        with pytest.raises(OptionError, match="a number of cores is positive, or -1 for all of them, got"):
            n_cores(wrong)  # type: ignore[arg-type] # the harm itself
