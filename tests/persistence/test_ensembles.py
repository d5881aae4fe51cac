"""Ensembles in model files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.persistence import Model, load, save
from autometa.reading import read_task
from autometa.reading.conforming import TableReader
from tests.persistence.conftest import model_of, small_table

estimators = pytest.importorskip("autometa.ensembling.estimators", reason="needs the ensembles of autometa")


def test_an_ensemble_of_classifiers_predicts_the_same_after_its_file(tmp_path: Path) -> None:
    task = read_task(small_table(), target="y")
    members = [
        model_of(task, algorithm).predictor for algorithm in ("decision_tree", "logistic_regression", "lightgbm")
    ]
    ensemble = estimators.EnsembleClassifier(members, weights=[0.5, 0.25, 0.25], temperature=1.25)
    reader = TableReader.of(task)
    model = Model(predictor=ensemble, reader=reader, kind=task.kind, target="y", metric="roc_auc")
    save(model, tmp_path / "model.skops")
    loaded = load(tmp_path / "model.skops")
    np.testing.assert_array_equal(loaded.predict_proba(small_table()), model.predict_proba(small_table()))
    np.testing.assert_array_equal(loaded.predict(small_table()), ensemble.predict(reader.read(small_table())))


def test_an_ensemble_of_regressors_predicts_the_same_after_its_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"size": np.sin(np.arange(60)), "price": np.cos(np.arange(60))})
    task = read_task(frame, target="price")
    ensemble = estimators.EnsembleRegressor([model_of(task, name).predictor for name in ("ridge", "decision_tree")])
    model = Model(predictor=ensemble, reader=TableReader.of(task), kind=task.kind, target="price", metric="rmse")
    save(model, tmp_path / "model.skops")
    np.testing.assert_array_equal(load(tmp_path / "model.skops").predict(frame), model.predict(frame))
