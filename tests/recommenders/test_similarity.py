"""Distances between tasks, against hand calculations."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from autometa.recommenders.similarity import Similarity
from autometa.task import TaskDescription
from tests.recommenders.experiences import NAN, make_description

# Known at 0, 1, 2, 3, 5: median 2, quartiles 1 and 3, so one unit is 1.349 / 2 robust standard deviations.
UNIT = 1.349 / 2


def describe(metafeatures: Sequence[Mapping[str, float]]) -> list[TaskDescription]:
    """Return descriptions named 0, 1, ... with these meta-features."""
    return [make_description(str(row), metafeatures=features) for row, features in enumerate(metafeatures)]


def on_a_line(*places: float) -> list[TaskDescription]:
    """Return descriptions with one meta-feature."""
    return describe([{"a": place} for place in places])


LINE = on_a_line(0, 1, 2, 3, 5)
FAMILIES = [description.family for description in LINE]


def test_meta_features_are_centred_at_the_median_and_scaled_by_the_quartiles() -> None:
    scaled = Similarity().fit(LINE).transform(on_a_line(2, 3, 0, -2))
    np.testing.assert_allclose(scaled[:, 0], [0, UNIT, -2 * UNIT, -4 * UNIT])


def test_what_lies_far_out_is_clipped() -> None:
    scaled = Similarity().fit(LINE).transform(on_a_line(1e9, -1e9, np.inf, -np.inf))
    np.testing.assert_array_equal(scaled[:, 0], [3, -3, 3, -3])


@pytest.mark.parametrize("missing", [{}, {"a": NAN}])
def test_a_missing_meta_feature_counts_as_the_median(missing: Mapping[str, float]) -> None:
    np.testing.assert_array_equal(Similarity().fit(LINE).transform(describe([missing])), [[0.0]])


def test_equal_quartiles_give_way_to_the_standard_deviation() -> None:
    similarity = Similarity().fit(on_a_line(7, 7, 7, 7, 7, 7, 7, 9))
    scale = np.std([7, 7, 7, 7, 7, 7, 7, 9])
    np.testing.assert_allclose(similarity.transform(on_a_line(8)), [[1 / scale]])


def test_the_distance_is_the_root_of_the_mean_square_over_meta_features() -> None:
    known = describe([{"a": a, "b": 10 * b} for a, b in [(0, 0), (1, 5), (2, 2), (3, 3), (5, 1)]])
    distances = Similarity().fit(known).distances(make_description("new", metafeatures={"a": 2.0, "b": 20.0}))
    expected = [np.hypot(2, 2), np.hypot(1, 3), 0, np.hypot(1, 1), np.hypot(3, 1)]
    np.testing.assert_allclose(distances, np.array(expected) * UNIT / np.sqrt(2))


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9 + 0.1])
def test_meta_features_that_do_not_vary_are_left_out(constant: float) -> None:
    known = describe([{"a": float(place), "b": constant} for place in (0, 1, 2, 3, 5, 8, 9)])
    similarity = Similarity().fit(known)
    assert similarity.names_ == ("a",)
    new = make_description("new", metafeatures={"a": 1.0, "b": constant + 1})
    assert similarity.distances(new).min() == 0


def test_meta_features_that_most_tasks_lack_are_left_out() -> None:
    known = describe([{"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 2, "c": NAN}, {"a": 3}, {"a": 4, "b": NAN}])
    assert Similarity().fit(known).names_ == ("a", "b"), "half of the tasks have b, a quarter has c"


def test_without_common_meta_features_all_tasks_are_at_one_place() -> None:
    similarity = Similarity().fit(describe([{"a": 1.0}, {"b": 1.0}, {}]))
    np.testing.assert_array_equal(similarity.distances(make_description("new", metafeatures={"a": 2.0})), [0, 0, 0])


def test_no_known_tasks_give_no_distances() -> None:
    assert Similarity().fit([]).distances(make_description("new", metafeatures={"a": 2.0})).shape == (0,)


def test_neighbours_come_nearest_first_with_the_inverse_of_their_distance() -> None:
    rows, weights = Similarity().fit(LINE).neighbours(make_description("new", metafeatures={"a": 3.0}), 2)
    assert rows.tolist() == [3, 2]
    np.testing.assert_allclose(weights, [1 / 0.05, 1 / (UNIT + 0.05)])


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]])
def test_equally_near_neighbours_come_in_the_order_of_their_fingerprints(order: list[int]) -> None:
    tasks = [make_description(name, metafeatures={"a": 1.0}) for name in "abcd"]
    known = [tasks[position] for position in order]
    rows, _ = Similarity().fit(known).neighbours(make_description("new"), 2)
    assert [known[row].name for row in rows] == ["a", "b"]


def test_all_known_tasks_are_given_where_more_are_asked_for() -> None:
    rows, weights = Similarity().fit(LINE).neighbours(make_description("new", metafeatures={"a": 0.0}), 99)
    assert rows.tolist() == [0, 1, 2, 3, 4]
    assert weights.shape == (5,)


# --- novelty: the known tasks of the line are 1, 1, 1, 1 and 2 units from their nearest -------------------------------


@pytest.mark.parametrize(("place", "novelty"), [(5.5, 0.0), (2.5, 0.0), (6.2, 0.8), (-2.2, 1.0)])
def test_novelty_is_the_share_of_known_tasks_that_are_nearer_to_their_nearest(place: float, novelty: float) -> None:
    new = make_description("new", metafeatures={"a": place})
    assert Similarity().fit(LINE).novelty(new, FAMILIES) == pytest.approx(novelty)


def test_a_copy_of_a_known_task_is_not_novel() -> None:
    twins = on_a_line(0, 0, 1, 2, 3)
    families = [description.family for description in twins]
    assert Similarity().fit(twins).novelty(make_description("new", metafeatures={"a": 0.0}), families) == 0.0


def test_relatives_do_not_make_a_task_familiar() -> None:
    new = make_description("new", family="4", metafeatures={"a": 5.5})
    assert Similarity().fit(LINE).novelty(new, FAMILIES) == 1.0, "without the task at 5, the nearest is at 3"


def test_relatives_among_the_known_do_not_make_a_new_task_strange() -> None:
    twins = [*LINE, *(make_description(f"twin of {d.name}", d.family, metafeatures=d.metafeatures) for d in LINE)]
    similarity, families = Similarity().fit(twins), [description.family for description in twins]
    assert similarity.novelty(make_description("new", metafeatures={"a": 2.5}), families) == 0.0


@pytest.mark.parametrize(
    ("known", "families"),
    [
        ([], []),
        (on_a_line(1), ["f"]),
        (on_a_line(1, 2), ["f", "f"]),
        (on_a_line(1, 1), ["f", "g"]),
        (describe([{}, {}]), ["f", "g"]),
    ],
    ids=["nothing known", "one task", "one family", "all at one place", "no meta-features"],
)
def test_where_nothing_can_be_compared_a_task_counts_as_novel(
    known: list[TaskDescription], families: list[str]
) -> None:
    assert Similarity().fit(known).novelty(make_description("new", metafeatures={"a": 1.0}), families) == 1.0


def test_a_task_whose_family_is_all_that_is_known_counts_as_novel() -> None:
    new = make_description("new", family="f", metafeatures={"a": 1.0})
    assert Similarity().fit(on_a_line(1, 2)).novelty(new, ["f", "f"]) == 1.0
