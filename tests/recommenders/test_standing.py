"""How an advised configuration did on known tasks is counted right."""

import math

import numpy as np
import pytest

from autometa.knowledge.frames import Experience
from autometa.recommenders.calibration import REFERENCE
from autometa.recommenders.evidence import regrets_on_the_way
from autometa.recommenders.standing import N_SIMILAR, standings, versus
from autometa.space import Configuration
from tests.recommenders.experiences import INF, NAN, make_description, make_experience

STRANGER = Configuration(algorithm="stranger")


def with_default(losses: list[list[float]], weights: list[float] | None = None) -> Experience:
    """Return an experience whose last column is LightGBM's default."""
    made = make_experience(losses)
    return Experience(
        kind=made.kind,
        metric=made.metric,
        revision=1,
        descriptions=made.descriptions,
        configurations=(*made.configurations[:-1], REFERENCE),
        losses=made.losses,
        fit_seconds=made.fit_seconds,
        memory_bytes=made.memory_bytes,
        weights=np.ones(0) if weights is None else np.array(weights),
    )


# --- marginal gain ----------------------------------------------------------------------------------------------------


def test_regrets_go_down_from_one_by_the_weights_of_the_tasks() -> None:
    # Normalised: the best 0, the median (1.0) 1. The second was not tried on the first task.
    losses = [[0.5, second, 0.0, 1.0, 1.0, 1.0, 1.0] for second in (NAN, 0.2, INF)]
    experience = with_default(losses, weights=[1.0, 2.0, 1.0])
    first, second, best = experience.configurations[:3]
    steps = regrets_on_the_way(experience, [first, second, STRANGER, best])
    expected = [(1.0, 0.5), (0.5, 0.35), (0.35, 0.35), (0.35, 0.0)]
    assert [tuple(round(value, 9) for value in step) for step in steps] == expected


# --- similar tasks ----------------------------------------------------------------------------------------------------


def test_similar_tasks_are_the_nearest_where_it_was_tried() -> None:
    # Tasks 0 .. 29 at sizes 0 .. 29: the first configuration is best on the even ones, and was not tried on 0 to 3.
    losses = [[NAN if row < 4 else 0.1 if row % 2 == 0 else 0.4, 0.2, 0.3] for row in range(30)]
    experience = make_experience(losses)
    new = make_description("new", metafeatures={"size": 0.0})
    standing = standings(experience, new, experience.configurations)[0]
    assert (standing.n_tried, standing.n_close) == (26, 13)
    assert (standing.n_similar, standing.n_similar_close) == (N_SIMILAR, 5)  # tasks 4 .. 13
    iqr = 14.5 / 1.349
    weights = np.array([1 / (row / iqr + 0.05) for row in range(4, 14)])
    assert standing.similar_share == pytest.approx(weights[::2].sum() / weights.sum())


def test_the_task_itself_is_no_similar_task() -> None:
    experience = make_experience([[0.1, 0.2], [0.3, 0.2], [0.3, 0.2]])
    own = experience.descriptions[0]
    standing = standings(experience, own, experience.configurations)[0]
    assert (standing.n_tried, standing.n_close) == (3, 1)
    assert (standing.n_similar, standing.n_similar_close, standing.similar_share) == (2, 0, 0.0)


def test_of_an_unknown_configuration_nothing_is_counted() -> None:
    experience = with_default([[0.1, 0.2]])
    (standing,) = standings(experience, make_description("new"), [STRANGER])
    assert (standing.n_tried, standing.n_close, standing.n_similar, standing.n_similar_close) == (0, 0, 0, 0)
    assert math.isnan(standing.similar_share)
    assert standing.versus_default is None


# --- against the default ----------------------------------------------------------------------------------------------


def test_versus_counts_tasks_with_both_and_failures_lose() -> None:
    losses = [[0.1, 0.2], [0.3, 0.2], [0.2, 0.2], [NAN, 0.2], [0.2, NAN], [INF, 0.2], [0.2, INF], [INF, INF]]
    found = versus(with_default(losses), make_experience(losses).configurations[0], REFERENCE)
    assert found is not None
    assert (found.n_tasks, found.n_better, found.n_worse) == (5, 2, 2)
    assert found.median_reduction == 0.0  # of 0.5, -0.5, 0, -1, 1


@pytest.mark.parametrize(
    ("losses", "reduction"),
    [
        ([[0.1, 0.2]], 0.5),
        ([[0.3, 0.2]], -0.5),
        ([[0.0, 0.0]], 0.0),
        ([[0.1, 0.0]], -1.0),
        ([[INF, 0.2]], -1.0),
        ([[0.2, INF]], 1.0),
    ],
)
def test_the_reduction_is_a_share_of_the_loss_of_the_other(losses: list[list[float]], reduction: float) -> None:
    experience = with_default(losses)
    found = versus(experience, experience.configurations[0], REFERENCE)
    assert found is not None
    assert found.median_reduction == pytest.approx(reduction)


def test_there_is_no_versus_for_the_default_itself_or_without_a_common_task() -> None:
    experience = with_default([[0.1, NAN], [NAN, 0.2], [INF, INF]])
    assert versus(experience, REFERENCE, REFERENCE) is None
    assert versus(experience, experience.configurations[0], REFERENCE) is None
    assert versus(experience, STRANGER, REFERENCE) is None
