"""The level of losses of a task, against hand calculations."""

import numpy as np
import pytest

from autometa.metric import get_metric
from autometa.recommenders.location import Location, unit
from autometa.task_kind import TaskKind
from tests.recommenders.experiences import INF, NAN, make_description, make_experience

FLOOR = 1e-3
MARKS = ("decision_tree_auc", "naive_bayes_auc", "linear_discr_auc")


def make_marked(*scores: float) -> dict[str, float]:
    return dict(zip(MARKS, scores, strict=True))


def test_without_landmarks_best_and_distance_are_means_of_logarithms() -> None:
    experience = make_experience([[0.1, 0.3, 0.5], [0.4, 0.5, 0.6]])
    location, scale = Location().fit(experience).predict(make_description("new"))
    assert location == pytest.approx(np.sqrt((0.1 + FLOOR) * (0.4 + FLOOR)) - FLOOR)
    assert scale == pytest.approx(np.sqrt((0.2 + FLOOR) * (0.1 + FLOOR)) - FLOOR)


def test_the_best_loss_follows_the_best_landmark_by_hand() -> None:
    features = [make_marked(0.8, 0.7, 0.9), make_marked(0.6, 0.6, 0.6)]
    experience = make_experience([[0.05, 0.1], [0.3, 0.5]], metafeatures=features)
    new = make_marked(0.7, 0.75, 0.65)
    marks = np.log(np.array([[0.1, 0.2, 0.3, 0.1], [0.4, 0.4, 0.4, 0.4]]) + FLOOR)
    best = np.log(np.array([0.05, 0.3]) + FLOOR)
    centred = marks - marks.mean(axis=0)
    left = best - best.mean() - centred[:, 0]  # the assumption: as the smallest landmark loss
    slopes = np.array([1.0, 0, 0, 0]) + np.linalg.solve(centred.T @ centred + 10 * np.eye(4), centred.T @ left)
    at = np.log(np.array([0.25, 0.3, 0.25, 0.35]) + FLOOR) - marks.mean(axis=0)
    expected = np.exp(best.mean() + at @ slopes) - FLOOR
    location, _ = Location().fit(experience).predict(make_description("new", metafeatures=new))
    assert location == pytest.approx(expected)


def test_many_tasks_teach_how_far_below_the_landmarks_the_best_loss_lies() -> None:
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(0.1, 0.4, size=60)
    losses = [[mark / 2, mark * 0.75, mark] for mark in landmarks]  # best: half, the median a quarter above it
    experience = make_experience(losses, metafeatures=[make_marked(1 - m, 1 - m, 1 - m) for m in landmarks])
    new = make_description("new", metafeatures=make_marked(0.8, 0.8, 0.8))
    location, scale = Location().fit(experience).predict(new)
    assert location == pytest.approx(0.1, rel=0.02)
    assert scale == pytest.approx(0.05, rel=0.05)


def test_a_missing_landmark_counts_as_the_unit() -> None:
    features = [make_marked(0.8, 0.7, 0.9), make_marked(0.6, 0.6, 0.6)]
    model = Location().fit(make_experience([[0.05, 0.1], [0.3, 0.5]], metafeatures=features))
    nothing = model.predict(make_description("new"))
    assert nothing == pytest.approx(model.predict(make_description("new", metafeatures=make_marked(0.0, NAN, 0.0))))


def test_tasks_without_landmarks_teach_nothing_where_others_have_them() -> None:
    features = [make_marked(0.8, 0.7, 0.9), make_marked(0.6, 0.6, 0.6), {"size": 1.0}]
    losses = [[0.05, 0.1], [0.3, 0.5], [0.9, 0.95]]
    new = make_description("new", metafeatures=make_marked(0.7, 0.7, 0.7))
    with_bare = Location().fit(make_experience(losses, metafeatures=features)).predict(new)
    assert with_bare == Location().fit(make_experience(losses[:2], metafeatures=features[:2])).predict(new)


def test_losses_below_the_floor_are_still_positive() -> None:
    location, scale = Location().fit(make_experience([[0.0, 0.0, 0.0]])).predict(make_description("new"))
    assert location == pytest.approx(1e-4)
    assert scale == pytest.approx(1e-4)


def test_tasks_where_nothing_succeeded_do_not_count() -> None:
    gaps = make_experience([[0.1, 0.2], [INF, INF], [NAN, INF]], metafeatures=[{}] * 3)
    whole = make_experience([[0.1, 0.2]], metafeatures=[{}])
    new = make_description("new")
    assert Location().fit(gaps).predict(new) == pytest.approx(Location().fit(whole).predict(new))


def test_failures_do_not_count_in_best_and_median() -> None:
    experience = make_experience([[0.1, 0.2, 0.3, INF, NAN]])
    location, scale = Location().fit(experience).predict(make_description("new"))
    assert (location, scale) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("target_std", [1.0, 250.0])
def test_where_nothing_is_known_the_unit_is_expected(target_std: float) -> None:
    experience = make_experience([[INF, NAN]], kind=TaskKind.REGRESSION)
    new = make_description("new", kind=TaskKind.REGRESSION, metafeatures={"target_std": target_std})
    assert Location().fit(experience).predict(new) == (target_std, target_std)


def test_losses_in_the_unit_of_the_target_scale_with_it() -> None:
    features = [{"target_std": 10.0}, {"target_std": 1000.0}]
    experience = make_experience(
        [[1.0, 2.0, 3.0], [100.0, 200.0, 300.0]], metafeatures=features, kind=TaskKind.REGRESSION
    )
    new = make_description("new", kind=TaskKind.REGRESSION, metafeatures={"target_std": 0.5})
    assert Location().fit(experience).predict(new) == pytest.approx((0.05, 0.05)), "a tenth of the deviation"


@pytest.mark.parametrize(
    ("metric", "kind", "features", "expected"),
    [
        ("rmse", TaskKind.REGRESSION, {"target_std": 3.0}, 3.0),
        ("mae", TaskKind.REGRESSION, {"target_std": 3.0}, 3.0),
        ("r2", TaskKind.REGRESSION, {"target_std": 3.0}, 1.0),
        ("roc_auc", TaskKind.BINARY, {"target_std": 3.0, "class_ent": 1.0}, 1.0),
        ("log_loss", TaskKind.MULTICLASS, {"class_ent": 2.0}, np.log(4)),  # 2 bits: four equal classes
        ("log_loss", TaskKind.MULTICLASS, {}, 1.0),
        ("log_loss", TaskKind.MULTICLASS, {"class_ent": 0.0}, 1.0),
        ("rmse", TaskKind.REGRESSION, {"target_std": NAN}, 1.0),
        ("rmse", TaskKind.REGRESSION, {"target_std": INF}, 1.0),
        ("rmse", TaskKind.REGRESSION, {"target_std": 0.0}, 1.0),
    ],
)
def test_the_unit_makes_tasks_comparable(
    metric: str, kind: TaskKind, features: dict[str, float], expected: float
) -> None:
    description = make_description("new", kind=kind, metafeatures=features)
    assert unit(get_metric(metric, kind), description) == pytest.approx(expected)
