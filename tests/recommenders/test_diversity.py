"""The pipelines advised are no shades of one another."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from autometa.advisor import Advisor
from autometa.knowledge.frames import Experience
from autometa.knowledge.shipped import open_knowledge
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.reading import read_task
from autometa.recommenders.diversity import MIN_COMMON_TASKS, SHADE, defer_shades
from autometa.space import Configuration
from tests.recommenders.experiences import NAN, make_experience


def algorithms(experience: Experience) -> list[str]:
    return [configuration.algorithm for configuration in experience.configurations]


def pair_of_one_algorithm(experience: Experience) -> tuple[int, int, int]:
    """Return two columns of one algorithm, and one of another."""
    names = algorithms(experience)
    first, second = [column for column, name in enumerate(names) if name == names[0]][:2]
    other = next(column for column, name in enumerate(names) if name != names[0])
    return first, second, other


def losses_of(first: int, second: int, other: int, differences: list[float], n_columns: int = 9) -> np.ndarray:
    """Return losses in which the first two differ by so much, in normalised losses, and the third is their equal."""
    losses = np.ones((len(differences), n_columns))
    spare = next(column for column in range(n_columns) if column not in {first, second, other})
    losses[:, spare] = 0.0
    losses[:, [first, other]] = 0.5
    losses[:, second] = 0.5 + np.array(differences)
    return losses


COLUMNS = pair_of_one_algorithm(make_experience(np.ones((1, 9)).tolist()))


def test_a_shade_comes_after_the_first_k_others() -> None:
    first, second, other = COLUMNS
    experience = make_experience(losses_of(*COLUMNS, differences=[0.04] * 6).tolist())
    order = [first, second, other]
    assert defer_shades(experience, experience.configurations, order, 2) == [first, other, second]
    assert defer_shades(experience, experience.configurations, order, 1) == order, "one alone has no shades"
    assert defer_shades(experience, experience.configurations, order, 3) == [first, other, second]


@pytest.mark.parametrize(
    ("differences", "is_shade"),
    [
        ([SHADE - 0.001] * MIN_COMMON_TASKS, True),
        ([SHADE + 0.001] * MIN_COMMON_TASKS, False),
        ([0.0] * 9 + [0.4], True),
        ([0.0] * 9 + [0.5, 0.5], False),
        ([0.0] * (MIN_COMMON_TASKS - 1), False),
        ([0.0] * (MIN_COMMON_TASKS - 1) + [NAN] * 5, False),
        ([0.0] * MIN_COMMON_TASKS + [NAN] * 5, True),
    ],
    ids=["near", "not near", "once apart", "twice far apart", "few tasks", "few tasks in common", "enough in common"],
)
def test_what_counts_is_the_mean_difference_over_enough_common_tasks(differences: list[float], is_shade: bool) -> None:
    first, second, other = COLUMNS
    experience = make_experience(losses_of(*COLUMNS, differences=differences).tolist())
    ordered = defer_shades(experience, experience.configurations, [first, second, other], 2)
    assert (ordered == [first, other, second]) is is_shade


def test_equals_of_another_algorithm_and_unknown_ones_stay() -> None:
    first, _, other = COLUMNS
    experience = make_experience(losses_of(*COLUMNS, differences=[0.0] * 8).tolist())
    candidates = [
        *experience.configurations,
        Configuration(algorithm="a"),
        Configuration(algorithm="a", values={"z": 1}),
    ]
    order = [first, other, len(candidates) - 2, len(candidates) - 1]
    assert defer_shades(experience, candidates, order, 4) == order


def test_nothing_is_lost_and_shades_keep_their_order() -> None:
    experience = make_experience(np.ones((8, 9)).tolist())  # all alike: three algorithms, so three that are no shades
    order = [4, 2, 0, 8, 6, 1, 3, 5, 7]
    ordered = defer_shades(experience, experience.configurations, order, 5)
    assert sorted(ordered) == sorted(order)
    assert len({experience.configurations[position].algorithm for position in ordered[:3]}) == 3
    rest = [position for position in order if position not in ordered[:3]]
    assert ordered[3:] == rest


@pytest.mark.parametrize(
    ("name", "recommender"),
    [("breast_cancer", "nearest"), ("wine", "average"), ("wine", "nearest"), ("diabetes", "nearest")],
)
def test_no_shades_are_advised_from_the_shipped_runs(
    shipped_base: Path, examples: Path, name: str, recommender: str
) -> None:
    task = read_task(examples / f"{name}.csv")
    with open_knowledge(shipped_base) as base:
        recommendation = Advisor(base, recommender=recommender).recommend(task)
        experience = base.experience(
            task.kind, recommendation.metric, protocol="cv-v1", pipelines_version=PIPELINES_VERSION
        )
    chosen = [(a.configuration.algorithm, experience.position_of[a.configuration.key]) for a in recommendation]
    for (algorithm, column), (other, earlier) in combinations(chosen, 2):
        differences = np.abs(experience.normalised_losses[:, column] - experience.normalised_losses[:, earlier])
        common = differences[~np.isnan(differences)]
        assert algorithm != other or len(common) < MIN_COMMON_TASKS or common.mean() > SHADE
