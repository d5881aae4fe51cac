import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from autometa.metafeatures import extract
from autometa.task import Task
from autometa.task_kind import TaskKind


def _regression(y: np.ndarray) -> Task:
    X = pd.DataFrame({"a": np.arange(float(len(y)))})
    return Task(name="t", X=X, y=pd.Series(y), kind=TaskKind.REGRESSION, target="y")


def test_class_shares_agree_with_pymfe_on_wine(wine: Task) -> None:
    values = extract(wine).values
    assert values["freq_class.mean"] == pytest.approx(1 / 3)
    assert values["freq_class.sd"] == pytest.approx(0.06462709335856702)
    assert values["majority_share"] == pytest.approx(0.398876404494382)  # freq_class.max
    assert values["minority_share"] == pytest.approx(48 / 178)
    assert values["log_minority_rows"] == pytest.approx(math.log(48))
    assert values["rare_class_share"] == 0.0


def test_classes_with_fewer_than_ten_rows_are_rare() -> None:
    y = pd.Series(["a"] * 20 + ["b"] * 9 + ["c"] * 10 + ["d"])
    X = pd.DataFrame({"x": np.arange(40.0)})
    task = Task(name="t", X=X, y=y, kind=TaskKind.MULTICLASS, target="y")
    assert extract(task).values["rare_class_share"] == 0.5


def test_moments_agree_with_pandas_and_scipy(diabetes: Task) -> None:
    values = extract(diabetes).values
    n = len(diabetes.y)
    assert values["target_std"] == pytest.approx(diabetes.y.std())
    assert values["target_skewness"] == pytest.approx(stats.skew(diabetes.y) * (1 - 1 / n) ** 1.5)
    assert values["target_kurtosis"] == pytest.approx((stats.kurtosis(diabetes.y) + 3) * (1 - 1 / n) ** 2 - 3)
    log_skewness = stats.skew(np.log(diabetes.y)) * (1 - 1 / n) ** 1.5
    assert values["target_log_skewness"] == pytest.approx(log_skewness)
    assert math.isnan(values["majority_share"])


def test_shares_are_counted_as_by_hand(gaps: Task) -> None:
    values = extract(gaps).values  # 0, 0, 1, 2, 3, 100
    assert values["target_zero_share"] == pytest.approx(2 / 6)
    assert values["target_distinct_share"] == pytest.approx(5 / 6)
    assert values["target_outlier_share"] == pytest.approx(1 / 6)
    expected = np.mean(np.abs(gaps.y - 1.5)) / gaps.y.std(ddof=0)
    assert values["target_abs_deviation"] == pytest.approx(expected)
    assert math.isnan(values["target_log_skewness"])  # zeros have no logarithm


def test_the_deviation_is_of_the_full_table_and_in_the_targets_unit() -> None:
    y = np.random.default_rng(0).normal(size=30_000) * 1e250
    assert extract(_regression(y)).values["target_std"] == pytest.approx(float(np.std(y / 1e250, ddof=1)) * 1e250)


def test_a_deviation_that_no_float_holds_is_a_failure_with_a_reason() -> None:
    described = extract(_regression(np.array([1.7e308, -1.7e308])))
    assert math.isnan(described.values["target_std"])
    assert "overflow" in described.failures["target_std"]
    assert set(described.failures) == {"target_std"}
