import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from autometa.metafeatures import extract
from autometa.task import Task
from autometa.task_kind import TaskKind


def test_shapes_agree_with_pymfe_on_wine(wine: Task) -> None:
    values = extract(wine).values
    # pymfe 0.4.4, group "statistical"
    expected = {
        "skewness.mean": 0.3442888859609402,
        "skewness.sd": 0.4654434849924635,
        "skewness.min": -0.30212592676286454,
        "skewness.max": 1.079751538244312,
        "kurtosis.mean": -0.060275728926490475,
        "kurtosis.sd": 0.8985753453755335,
        "kurtosis.min": -1.111079357966421,
        "kurtosis.max": 1.9566405579973543,
        "cor.mean": 0.3049574813503491,
        "cor.sd": 0.190846485789919,
        "cor.max": 0.8645635000951145,
        "nr_cor_attr": 0.1794871794871795,
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected)
    assert values["outlier_attr_share"] == pytest.approx(7 / 13)  # nr_outliers = 7


def test_canonical_correlations_agree_with_pymfe_on_iris(iris: Task) -> None:
    values = extract(iris).values
    # pymfe 0.4.4, group "statistical"; gravity of the table standardised by hand
    expected = {
        "can_cor.mean": 0.7280089563896486,
        "can_cor.sd": 0.3631869233645251,
        "can_cor.max": 0.9848208927389833,
        "w_lambda": 0.02343863322226564,
        "p_trace": 1.1918988224700802,
        "gravity": 2.8485489267988724,
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected)


def test_the_canonical_correlation_of_a_regression_is_its_multiple_correlation(diabetes: Task) -> None:
    values = extract(diabetes).values
    explained = LinearRegression().fit(diabetes.X, diabetes.y).score(diabetes.X, diabetes.y)
    assert values["can_cor.max"] == pytest.approx(math.sqrt(explained))
    assert values["p_trace"] == pytest.approx(explained)
    assert values["w_lambda"] == pytest.approx(1 - explained)


def test_correlations_with_the_target_agree_with_pandas(diabetes: Task) -> None:
    values = extract(diabetes).values
    expected = diabetes.X.corrwith(diabetes.y).abs()
    assert values["target_cor.mean"] == pytest.approx(expected.mean())
    assert values["target_cor.max"] == pytest.approx(expected.max())


def test_principal_components_agree_with_scikit_learn(wine: Task) -> None:
    values = extract(wine).values
    Z = (wine.X - wine.X.mean()) / wine.X.std(ddof=0)
    pca = PCA().fit(Z)
    first = pca.transform(Z)[:, 0]
    n = len(first)
    assert values["pca_first"] == pytest.approx(pca.explained_variance_ratio_[0])
    assert values["pca_share"] == pytest.approx((np.cumsum(pca.explained_variance_ratio_) < 0.95).sum() / 13 + 1 / 13)
    assert values["pca_skewness"] == pytest.approx(abs(stats.skew(first)) * (1 - 1 / n) ** 1.5)
    assert values["pca_kurtosis"] == pytest.approx((stats.kurtosis(first) + 3) * (1 - 1 / n) ** 2 - 3)


def test_units_do_not_matter(wine: Task) -> None:
    metres = extract(wine).values
    X = wine.X * np.logspace(-200, 200, 13)
    other = extract(Task(name="units", X=X, y=wine.y, kind=wine.kind, target="cultivar", family="wine")).values
    assert {name: other[name] for name in other} == pytest.approx(metres, rel=1e-6, nan_ok=True)


def test_without_a_number_shapes_are_undefined() -> None:
    X = pd.DataFrame({"a": pd.Series(list("xyxyzz"), dtype="str")})
    task = Task(name="t", X=X, y=pd.Series([0, 1, 0, 1, 1, 0]), kind=TaskKind.BINARY, target="y")
    described = extract(task)
    for name in ("skewness.mean", "kurtosis.mean", "cor.mean", "nr_cor_attr", "outlier_attr_share"):
        assert math.isnan(described.values[name])
    assert 0 < described.values["can_cor.max"] < 1
    assert described.failures == {}
