import math
import pickle
import platform
from collections.abc import Mapping

import pytest

from autometa.errors import OptionError
from autometa.evaluation.record import Evaluation, Status, library_versions
from autometa.space import Configuration


def _evaluation(
    status: Status = Status.OK, fold_scores: Mapping[str, tuple[float, ...]] | None = None, error: str = ""
) -> Evaluation:
    scores = {"accuracy": (0.5, 1.0), "f1_macro": (0.4, 0.6)} if fold_scores is None else fold_scores
    return Evaluation(
        fingerprint="0f",
        configuration=Configuration(algorithm="mlp"),
        protocol="cv-v1",
        pipelines_version="1",
        seed=0,
        status=status,
        fold_scores=scores,
        fit_seconds=1.0,
        predict_seconds=0.1,
        peak_memory_bytes=0,
        error=error,
        absent={"roc_auc": "no probabilities"},
        versions={},
    )


def test_the_score_is_the_mean_over_folds() -> None:
    assert _evaluation().score("accuracy") == 0.75


def test_the_score_of_an_absent_metric_is_nan() -> None:
    assert math.isnan(_evaluation().score("roc_auc"))
    assert math.isnan(_evaluation(Status.FAILED, {}, "ValueError: no").score("accuracy"))


def test_the_score_of_an_unknown_metric_is_refused() -> None:
    with pytest.raises(OptionError, match="no metric 'f1'"):
        _evaluation().score("f1")


def test_a_failed_evaluation_has_an_error_and_no_scores() -> None:
    with pytest.raises(OptionError, match="one line of error"):
        _evaluation(Status.TIMED_OUT, {})
    with pytest.raises(OptionError, match="one line of error"):
        _evaluation(Status.FAILED, {}, "two\nlines")
    with pytest.raises(OptionError, match="if and only if"):
        _evaluation(Status.FAILED, None, "ValueError: no")


def test_an_ok_evaluation_has_scores_and_no_error() -> None:
    with pytest.raises(OptionError, match="one line of error"):
        _evaluation(error="ValueError: no")
    with pytest.raises(OptionError, match="if and only if"):
        _evaluation(fold_scores={})


@pytest.mark.parametrize("scores", [(0.5, math.nan), (0.5, math.inf)])
def test_scores_are_finite(scores: tuple[float, ...]) -> None:
    with pytest.raises(OptionError, match="finite"):
        _evaluation(fold_scores={"accuracy": scores})


@pytest.mark.parametrize("other", [(), (0.5, 0.5)])
def test_every_metric_has_one_score_per_fold(other: tuple[float, ...]) -> None:
    with pytest.raises(OptionError, match="one score per fold"):
        _evaluation(fold_scores={"accuracy": (0.5,), "f1_macro": other})


def test_an_evaluation_travels_between_processes() -> None:
    assert pickle.loads(pickle.dumps(_evaluation())) == _evaluation()


def test_versions_name_python_and_the_libraries() -> None:
    versions = library_versions()
    assert versions["python"] == platform.python_version()
    assert {"numpy", "pandas", "scikit-learn", "lightgbm"} <= set(versions)
