"""Nearest tasks, against hand-calculated distances and weights."""

import numpy as np
import pytest

from autometa.errors import OptionError
from autometa.recommenders.nearest import NearestTasks
from tests.recommenders.experiences import NAN, make_description, make_experience

# Four tasks at 0, 1, 2, 3: median 1.5, quartiles 0.75 and 2.25.
UNIT = 1.349 / 1.5
EXPERIENCE = make_experience(
    [
        [0.0, 0.5, 1.0, 1.0, 1.0],
        [0.5, 0.0, 1.0, 1.0, 1.0],
        [1.0, NAN, 0.0, 1.0, 1.0],
        [1.0, 1.0, 1.0, 0.0, 1.0],
    ]
)
HERE = make_description("new", metafeatures={"size": 0.0})


def test_the_nearest_tasks_vote_with_the_inverse_of_their_distance() -> None:
    prediction = NearestTasks(n_neighbours=2).fit(EXPERIENCE).predict(HERE, EXPERIENCE.configurations)
    near, far = 1 / 0.05, 1 / (UNIT + 0.05)
    near, far = 2 * near / (near + far), 2 * far / (near + far)  # worth two tasks, to one task's worth of the unknown
    expected = [(0.5 * far + 1) / 3, (0.5 * near + 1) / 3, 1.0, 1.0, 1.0]
    np.testing.assert_allclose(prediction.mean, expected)
    spread = near * expected[0] ** 2 + far * (0.5 - expected[0]) ** 2 + 0.25 + (1 - expected[0]) ** 2
    assert prediction.std[0] == pytest.approx(np.sqrt(spread / 3))


def test_a_neighbour_without_a_result_has_no_vote() -> None:
    there = make_description("new", metafeatures={"size": 2.0})
    prediction = NearestTasks(n_neighbours=2).fit(EXPERIENCE).predict(there, EXPERIENCE.configurations)
    # The nearest are 2 itself and 1 (3 is as near, and its fingerprint larger); of them, 1 alone knows column 1.
    near, far = 1 / 0.05, 1 / (UNIT + 0.05)
    far = 2 * far / (near + far)
    assert prediction.mean[1] == pytest.approx((0.0 * far + 1) / (far + 1))


@pytest.mark.parametrize(("size", "best"), [(0.0, 0), (1.0, 1), (2.0, 2), (3.0, 3)])
def test_the_order_follows_the_place_of_the_task(size: float, best: int) -> None:
    new = make_description("new", metafeatures={"size": size})
    assert NearestTasks().fit(EXPERIENCE).rank(new, EXPERIENCE.configurations)[0] == best


def test_distant_tasks_do_not_vote() -> None:
    support = NearestTasks(n_neighbours=1).fit(EXPERIENCE).support(HERE, EXPERIENCE.configurations)
    np.testing.assert_allclose(support[:, 0], [1, 0.5, 0, 0, 0])
    assert (support[:, 1:] == 0).all()


def test_support_is_the_weight_times_what_was_saved() -> None:
    support = NearestTasks(n_neighbours=2).fit(EXPERIENCE).support(HERE, EXPERIENCE.configurations)
    near, far = 1 / 0.05, 1 / (UNIT + 0.05)
    np.testing.assert_allclose(support[0], [2 * near / (near + far), far / (near + far), 0, 0])


def test_fewer_tasks_than_neighbours_all_vote() -> None:
    one, other = (NearestTasks(n).fit(EXPERIENCE).predict(HERE, EXPERIENCE.configurations) for n in (4, 100))
    np.testing.assert_array_equal(one.mean, other.mean)


def test_tasks_without_meta_features_all_vote_alike() -> None:
    experience = make_experience(EXPERIENCE.losses.tolist(), metafeatures=[{}] * 4)
    prediction = NearestTasks().fit(experience).predict(HERE, experience.configurations)
    np.testing.assert_allclose(prediction.mean[[0, 3]], [(0 + 0.5 + 1 + 1 + 1) / 5, (1 + 1 + 1 + 0 + 1) / 5])


@pytest.mark.parametrize("n_neighbours", [0, -1])
def test_no_neighbours_are_refused(n_neighbours: int) -> None:
    with pytest.raises(OptionError, match=f"n_neighbours must be at least 1, got {n_neighbours}"):
        NearestTasks(n_neighbours).fit(EXPERIENCE)
