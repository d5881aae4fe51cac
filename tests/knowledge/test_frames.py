"""Experience: losses on a common scale, and parts of it, against calculations by hand."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from autometa.errors import OptionError
from autometa.knowledge.frames import Experience, _quantile
from autometa.metric import get_metric
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

NAN, INF = np.nan, np.inf


def _experience(losses: list[list[float]]) -> Experience:
    """Return an experience with these losses; families are shared by pairs of tasks."""
    table = np.array(losses, dtype=float)
    return Experience(
        kind=TaskKind.BINARY,
        metric=get_metric("roc_auc"),
        revision=7,
        descriptions=tuple(
            TaskDescription(
                name=f"task-{row}",
                fingerprint=f"{row:064x}",
                family=f"family-{row // 2}",
                kind=TaskKind.BINARY,
                n_rows=10,
                n_columns=2,
                metafeatures={},
            )
            for row in range(table.shape[0])
        ),
        configurations=tuple(Configuration(algorithm=f"learner-{column}") for column in range(table.shape[1])),
        losses=table,
        fit_seconds=table + 100,
        memory_bytes=table + 200,
        predict_seconds=table + 300,
    )


@pytest.mark.parametrize(
    ("losses", "normalised"),
    [
        # median 0.3, best 0.1
        ([0.1, 0.2, 0.3, 0.4, 0.9], [0, 0.5, 1, 1, 1]),
        # of an even number the median lies between: (0.2 + 0.4) / 2
        ([0.1, 0.2, 0.4, 0.8], [0, 0.5, 1, 1]),
        # a failure counts as the worst, but not for the median of 0.1, 0.2, 0.3
        ([0.1, INF, 0.2, NAN, 0.3], [0, 1, 1, NAN, 1]),
        # all equal
        ([0.25, 0.25, 0.25], [0, 0, 0]),
        # all equal, but for a failure
        ([0.25, INF, 0.25], [0, 1, 0]),
        # best and median are equal, one is worse
        ([0.25, 0.25, 0.25, 0.5], [0, 0, 0, 1]),
        # ties of the best
        ([0.1, 0.1, 0.2, 0.3, 0.3], [0, 0, 1, 1, 1]),
        # one cell
        ([0.5, NAN], [0, NAN]),
        # nothing succeeded
        ([INF, INF, NAN], [1, 1, NAN]),
        # nothing was tried
        ([NAN, NAN], [NAN, NAN]),
        # as far apart as numbers can be
        ([0.0, 5e-324, 1e308, 1.5e308], [0, 0, 1, 1]),
        ([0.0, 1e-300, 1e-300, 1e300], [0, 1, 1, 1]),
    ],
)
def test_normalised_losses_equal_the_hand_calculation(losses: list[float], normalised: list[float]) -> None:
    np.testing.assert_allclose(_experience([losses]).normalised_losses[0], normalised, atol=1e-12)


def test_every_row_is_normalised_by_itself() -> None:
    found = _experience([[0.1, 0.2, 0.3], [10.0, 20.0, 30.0], [INF, INF, INF]]).normalised_losses
    np.testing.assert_allclose(found, [[0, 1, 1], [0, 1, 1], [1, 1, 1]])


def test_best_and_median_are_over_what_succeeded() -> None:
    experience = _experience([[0.1, INF, 0.3, NAN], [INF, NAN, NAN, NAN]])
    assert_array_equal(experience.best, [0.1, NAN])
    np.testing.assert_allclose(experience.median, [0.2, NAN])


def test_tried_is_what_failed_too() -> None:
    assert_array_equal(_experience([[0.1, INF, NAN]]).is_tried, [[True, True, False]])


def test_without_leaves_out_every_task_of_the_families() -> None:
    experience = _experience([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])
    left = experience.without(["family-0", "not there"])
    assert [d.name for d in left.descriptions] == ["task-2"]
    assert_array_equal(left.losses, [[2.0, 2.1]])
    assert_array_equal(left.fit_seconds, [[102.0, 102.1]])
    assert_array_equal(left.memory_bytes, [[202.0, 202.1]])
    assert_array_equal(left.predict_seconds, [[302.0, 302.1]])
    assert left.configurations == experience.configurations
    assert (left.kind, left.metric, left.revision) == (experience.kind, experience.metric, 7)


def test_without_every_family_nothing_is_left_and_nothing_breaks() -> None:
    left = _experience([[0.0, 0.1], [1.0, 1.1]]).without(["family-0"])
    assert (left.n_tasks, left.n_configurations) == (0, 2)
    assert left.normalised_losses.shape == (0, 2)
    assert left.best.shape == (0,)


def test_of_tasks_keeps_the_marked_rows() -> None:
    left = _experience([[0.0], [1.0], [2.0]]).of_tasks(np.array([True, False, True]))
    assert left.families == ("family-0", "family-1")
    assert_array_equal(left.losses, [[0.0], [2.0]])


def test_of_configurations_joins_by_key_and_ignores_unknown_ones() -> None:
    experience = _experience([[0.0, 0.1, 0.2], [1.0, 1.1, 1.2]])
    keys = [experience.configurations[2].key, "unknown", experience.configurations[0].key]
    left = experience.of_configurations(keys)
    assert [c.algorithm for c in left.configurations] == ["learner-0", "learner-2"]
    assert_array_equal(left.losses, [[0.0, 0.2], [1.0, 1.2]])
    assert left.position_of == {left.configurations[0].key: 0, left.configurations[1].key: 1}
    assert left.n_tasks == 2


def test_beside_another_stands_what_both_have() -> None:
    one, other = _experience([[0.0, 0.1, 0.2]]), _experience([[5.0, 5.1, 5.2], [6.0, 6.1, 6.2]])
    shared = other.of_configurations([c.key for c in other.configurations[1:]])
    both = one.beside(shared, weight=2.0)
    assert both.descriptions == (*one.descriptions, *other.descriptions)
    assert both.configurations == one.configurations[1:]
    assert_array_equal(both.losses, [[0.1, 0.2], [5.1, 5.2], [6.1, 6.2]])
    assert_array_equal(both.weights, [1.0, 2.0, 2.0])
    for name in ("fit_seconds", "memory_bytes", "predict_seconds"):
        assert_array_equal(getattr(both, name)[0], getattr(one, name)[0, 1:])
        assert_array_equal(getattr(both, name)[1:], getattr(other, name)[:, 1:])


def test_of_no_configurations_nothing_breaks() -> None:
    left = _experience([[0.0, 0.1]]).of_configurations([])
    assert left.normalised_losses.shape == (1, 0)
    assert_array_equal(left.best, [NAN])


def test_an_array_of_another_shape_is_refused() -> None:
    good = _experience([[0.0, 0.1]])
    with pytest.raises(ValueError, match=r"\(2, 1\).*\(1, 2\)"):
        Experience(
            kind=good.kind,
            metric=good.metric,
            revision=0,
            descriptions=good.descriptions,
            configurations=good.configurations,
            losses=good.losses,
            fit_seconds=good.fit_seconds.T,
            memory_bytes=good.memory_bytes,
        )


def test_tasks_are_scaled_by_what_most_tasks_have() -> None:
    common = [[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]] * 3
    rare = [[0.05, 0.9], [NAN, NAN], [NAN, NAN]]
    experience = _experience([[*some, *few] for some, few in zip(common, rare, strict=True)])
    np.testing.assert_array_equal(experience.is_common, [True] * 6 + [False] * 2)
    np.testing.assert_allclose(experience.best, 0.1)
    np.testing.assert_allclose(experience.median, 0.35)
    np.testing.assert_allclose(experience.normalised_losses[0, [0, 1, 6, 7]], [0.0, 0.4, 0.0, 1.0])


def test_a_task_without_what_is_common_is_scaled_by_its_own() -> None:
    rows = [[0.1, 0.2, 0.3, 0.4, 0.5, NAN, NAN]] * 3 + [[0.9, NAN, NAN, NAN, NAN, 0.2, 0.6]]
    experience = _experience(rows)
    np.testing.assert_allclose(experience.best, [0.1, 0.1, 0.1, 0.2])
    np.testing.assert_allclose(experience.median[3], 0.6)


def test_the_end_of_the_costs_in_distances_of_the_median() -> None:
    assert _experience([list(np.linspace(1.0, 2.0, 11))] * 2).stretch == pytest.approx(0.9 / 0.5)
    assert _experience([[0.5, 0.5]]).stretch == 1.0


def test_only_what_was_tried_on_many_tasks() -> None:
    experience = _experience([[0.1, 0.2, NAN], [0.1, NAN, NAN], [0.1, 0.3, INF], [0.2, NAN, NAN]])
    for share, kept in ((0.0, 3), (0.25, 3), (0.5, 2), (0.51, 1), (1.0, 1)):
        assert experience.of_share(share).n_configurations == kept
    assert experience.of_share(0.5).losses.shape == (4, 2)
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(OptionError, match="from 0 to 1"):
            experience.of_share(wrong)
    with pytest.raises(OptionError, match="most: 50%"):
        _experience([[0.1, NAN], [NAN, 0.2]]).of_share(0.6)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_a_quantile_of_each_row_is_that_of_numpy(share: float) -> None:
    values = np.random.default_rng(0).normal(size=(40, 9))
    values[np.random.default_rng(1).random(values.shape) < 0.4] = NAN
    values[0], values[1, 1:] = NAN, NAN
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanquantile(values, share, axis=1)
    np.testing.assert_allclose(_quantile(values, share), expected, rtol=1e-14)
    assert np.isnan(_quantile(np.zeros((2, 0)), share)).all()
