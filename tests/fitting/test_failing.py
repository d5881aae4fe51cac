"""A fit in which nothing can be fitted; in processes of its own, which find another library."""

from pathlib import Path

import numpy as np
import pytest

from autometa.errors import EvaluationError
from autometa.fitting import FitOptions, fit_task
from autometa.knowledge.base import KnowledgeBase
from tests.refinement.conftest import numbers

FAKE = """
import secrets

from sklearn.base import BaseEstimator, RegressorMixin


class XGBRegressor(RegressorMixin, BaseEstimator):
    def __init__(self, n_estimators=100, learning_rate=0.3, max_depth=6, min_child_weight=1.0, subsample=1.0,
                 colsample_bytree=1.0, reg_lambda=1.0, reg_alpha=0.0, random_state=0, n_jobs=1, verbosity=0):
        for name, value in locals().copy().items():
            if name != "self":
                setattr(self, name, value)

    def fit(self, X, y):
        raise RuntimeError(f"no {secrets.token_hex(8)} today")


XGBClassifier = XGBRegressor
"""


def test_where_all_fail_the_error_says_why(
    one_shard_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xgboost").mkdir()
    (tmp_path / "xgboost" / "__init__.py").write_text(FAKE)
    monkeypatch.syspath_prepend(tmp_path)
    task = numbers(50)
    options = FitOptions(time_budget=None, n_trials=6, algorithms=("xgboost",), recommender="hybrid")
    expected = r"^no pipeline could be fitted; xgboost: RuntimeError: no "
    with KnowledgeBase(one_shard_base) as base, pytest.raises(EvaluationError, match=expected) as caught:
        fit_task(task, np.asarray(task.y), base, options)
    assert "\n" not in str(caught.value)
    assert "; and " in str(caught.value), "of many reasons the first few"
