"""Calibrations that are at hand: which serve for which experience."""

from pathlib import Path

import numpy as np
import pytest

from autometa import _array_cache
from autometa.evaluation.protocol import CV_V1
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.metric import metrics_of
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.recommender_names import DEFAULT_RECOMMENDER, RECOMMENDERS
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.calibrated import calibration_for, is_nearly, table_of
from autometa.recommenders.calibration import Calibration, calibrate
from autometa.task_kind import TaskKind
from tests.recommenders.experiences import NAN, draw_experience, make_experience


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return _array_cache.cache_folder("calibration")


def changed(experience: Experience, n_lost: int) -> Experience:
    """Return the experience without the last runs of the first tasks."""
    losses = np.nan_to_num(experience.losses, nan=0.5, posinf=0.9)
    losses[:n_lost, -1] = NAN
    return make_experience(losses.tolist(), metafeatures=[dict(d.metafeatures) for d in experience.descriptions])


def test_a_table_serves_while_little_is_new() -> None:
    whole = changed(draw_experience(0, n_tasks=40), 0)  # 40 tasks x 8 runs
    table = table_of(BestOnAverage, whole)
    assert is_nearly(table, whole)
    assert is_nearly(table, changed(whole, 16))
    assert not is_nearly(table, changed(whole, 17))
    assert is_nearly(table, whole.of_tasks(np.arange(40) > 1))
    assert not is_nearly(table, whole.of_tasks(np.arange(40) > 2))


def test_a_table_of_another_metric_or_trust_does_not_serve() -> None:
    whole = changed(draw_experience(0, n_tasks=40), 0)
    table = table_of(BestOnAverage, whole)
    other = make_experience(whole.losses.tolist(), metric="accuracy")
    assert not is_nearly(table, other)
    weighted = Experience(
        kind=whole.kind,
        metric=whole.metric,
        revision=1,
        descriptions=whole.descriptions,
        configurations=whole.configurations,
        losses=whole.losses,
        fit_seconds=whole.fit_seconds,
        memory_bytes=whole.memory_bytes,
        weights=np.where(np.arange(40) == 0, 0.5, 1.0),
    )
    assert not is_nearly(table, weighted)


def test_what_was_made_is_kept_and_what_is_kept_serves(cache: Path) -> None:
    experience = draw_experience(0, n_tasks=30)
    made = calibration_for(BestOnAverage, experience)
    (file,) = cache.glob("*.npz")
    before = file.stat().st_ino
    again = calibration_for(BestOnAverage, experience)
    assert [path.stat().st_ino for path in cache.glob("*.npz")] == [before]
    for each in (again, calibrate(BestOnAverage, experience)):
        np.testing.assert_array_equal(each.residuals, made.residuals)
        np.testing.assert_array_equal(each.weights, made.weights)
        np.testing.assert_array_equal(each.first, made.first)
        assert each.n_tasks == made.n_tasks
        assert each.by_algorithm.keys() == made.by_algorithm.keys() == {"a", "b", "c"}
        for name, arrays in made.by_algorithm.items():
            for one, other in zip(each.by_algorithm[name], arrays, strict=True):
                np.testing.assert_array_equal(one, other)
    calibration_for(BestOnAverage, experience, seed=1)
    calibration_for(BestOnAverage, draw_experience(1, n_tasks=30))
    assert len(list(cache.glob("*.npz"))) == 3


def test_a_broken_file_is_made_anew(cache: Path) -> None:
    experience = draw_experience(0, n_tasks=30)
    made = calibration_for(BestOnAverage, experience)
    (file,) = cache.glob("*.npz")
    file.write_bytes(b"no arrays")
    np.testing.assert_array_equal(calibration_for(BestOnAverage, experience).residuals, made.residuals)


def test_a_thinned_calibration_gives_nearly_the_same_intervals() -> None:
    rng = np.random.default_rng(0)
    weights, first = rng.uniform(0.5, 1.5, size=3000), rng.normal(size=300)
    many = Calibration(residuals=rng.normal(size=3000), weights=weights, first=first, n_tasks=300)
    thin = many.thinned(200)
    assert len(thin.residuals) == 200
    assert thin.n_tasks == 300
    assert thin.first is first
    for loss in (0.01, 0.3):
        np.testing.assert_allclose(thin.interval(loss, 1.0), many.interval(loss, 1.0), rtol=0.05)
    few = Calibration(residuals=np.arange(3.0), weights=np.ones(3), first=np.arange(3.0), n_tasks=3)
    assert few.thinned(200).residuals is few.residuals
    assert few.thinned(200).weights is few.weights


def test_the_errors_of_an_algorithm_are_thinned_as_well() -> None:
    errors = np.random.default_rng(0).normal(size=300)
    of_one = Calibration(
        residuals=errors, weights=np.ones(300), first=errors, n_tasks=300, by_algorithm={"a": (2 * errors, 3 * errors)}
    ).thinned(200, 60)
    first, gains = of_one.by_algorithm["a"]
    assert len(first) == len(gains) == 60
    quantiles = np.quantile(errors, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(np.quantile(first, [0.1, 0.5, 0.9]), 2 * quantiles, atol=0.1)
    np.testing.assert_allclose(np.quantile(gains, [0.1, 0.5, 0.9]), 3 * quantiles, atol=0.15)


def test_the_shipped_tables_are_those_of_the_shipped_base(cache: Path, shipped_base: Path) -> None:
    with KnowledgeBase(shipped_base) as base:
        for kind in TaskKind:
            for metric in metrics_of(kind):
                experience = base.experience(kind, metric, protocol=CV_V1.name, pipelines_version=PIPELINES_VERSION)
                for name in (DEFAULT_RECOMMENDER, "portfolio"):
                    shipped = calibration_for(RECOMMENDERS[name], experience)
                    assert shipped.n_tasks > 0
                    assert len(shipped.first) == shipped.n_tasks
                    own = shipped.of_algorithm("random_forest")
                    assert len(own.first) == len(own.gains) == 60
                    assert shipped.interval(0.1, 1.0)[1] < np.inf
    assert not cache.exists(), "a calibration was made: run python -m benchmarks.calibrations"
