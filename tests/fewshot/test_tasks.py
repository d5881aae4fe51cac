"""Past runs as arrays for meta-learners, and the episodes drawn from them."""

import numpy as np
import pytest

from autometa.fewshot.tasks import FAR, ContextEncoder, MetaTasks, PointEncoder, draw_episodes, told_losses
from autometa.knowledge.frames import Experience
from autometa.space import Configuration
from tests.recommenders.experiences import INF, NAN, draw_experience, make_experience


def tasks_of(experience: Experience) -> MetaTasks:
    points, contexts = PointEncoder().fit(experience), ContextEncoder().fit(experience.descriptions)
    return MetaTasks.of(experience, points, contexts)


def test_told_losses_are_the_same_whatever_the_level_and_end_far_above_the_least() -> None:
    losses = np.array([0.5, 0.2, 0.3, INF, 9.0])
    told = told_losses(losses, 0.1)
    assert told == pytest.approx([3.0, 0.0, 1.0, FAR, FAR])
    assert told_losses(losses + 100.0, 0.1) == pytest.approx(told, abs=1e-4)


def test_told_losses_of_failures_alone_are_far() -> None:
    assert told_losses(np.array([INF, INF]), 1.0).tolist() == [FAR, FAR]
    assert told_losses(np.zeros(0), 1.0).shape == (0,)


def test_points_stand_for_numbers_by_their_rank() -> None:
    configurations = tuple(
        sorted((Configuration(algorithm="a", values={"c": 10.0**i}) for i in range(5)), key=lambda c: c.key)
    )
    flat = make_experience([[0.1] * 5] * 3)
    experience = Experience(
        **{name: getattr(flat, name) for name in Experience.__dataclass_fields__} | {"configurations": configurations}
    )
    points = PointEncoder().fit(experience)
    by_size = sorted(configurations, key=lambda c: float(c.values["c"]))  # type: ignore[arg-type] # numbers
    column = points.transform(by_size)[:, 1]
    assert column == pytest.approx([-1.0, -0.5, 0.0, 0.5, 1.0])
    assert np.isfinite(points.transform([Configuration(algorithm="new", values={"x": "word"})])).all()


def test_profiles_tell_configurations_apart_that_are_good_on_different_tasks() -> None:
    rng = np.random.default_rng(0)
    is_high = np.arange(40) % 2 == 0
    losses = np.where(is_high[:, None] == (np.arange(6) < 3), 0.1, 0.5) + rng.uniform(0, 0.01, size=(40, 6))
    experience = make_experience(losses.tolist())
    profiles = PointEncoder().fit(experience).transform(experience.configurations)[:, -1]
    assert np.ptp(profiles) > 0
    points = PointEncoder().fit(experience)
    first = points.transform(experience.configurations)[:, -points.n_profiles_ + 1]
    assert set(np.sign(first[:3])) != set(np.sign(first[3:]))


def test_tasks_stand_in_the_order_of_fingerprints_and_lack_those_with_one_run() -> None:
    experience = make_experience([[0.1, NAN, NAN], [0.1, 0.2, 0.3], [0.3, INF, NAN]])
    tasks = tasks_of(experience)
    assert tasks.families == ("1", "2")
    assert tasks.costs[1].tolist()[1] == 1.0
    assert np.isnan(tasks.costs[1, 2])


def test_splits_keep_families_together() -> None:
    losses = np.random.default_rng(0).uniform(size=(30, 5)).tolist()
    tasks = tasks_of(make_experience(losses, families=[str(row // 3) for row in range(30)]))
    learned, kept = tasks.split(0.3, 1)
    assert not set(learned.families) & set(kept.families)
    assert len(set(kept.families)) == 3
    assert learned.n_tasks + kept.n_tasks == 30


def test_families_that_join_leave_the_others_where_they_are() -> None:
    losses = np.random.default_rng(0).uniform(size=(60, 5)).tolist()
    few, many = (tasks_of(make_experience(losses[:n])).split(0.2, 0) for n in (40, 60))
    assert len(set(few[0].families) & set(many[1].families)) <= 4  # as many as more are kept
    assert many[1].families != tasks_of(make_experience(losses)).split(0.2, 1)[1].families


def test_a_failure_is_told_as_one() -> None:
    tasks = tasks_of(make_experience([[0.1, 0.2, 0.3, INF]] * 3))
    episodes = draw_episodes(tasks, np.random.default_rng(0), n_episodes=100, max_support=3, n_query=4)
    is_failure = episodes.is_told & tasks.is_failure[episodes.rows[:, None], episodes.support]
    assert is_failure.sum() > 10
    assert (episodes.told[is_failure] == FAR).all()


def test_episodes_never_ask_for_what_they_tell_and_know_the_answers() -> None:
    tasks = tasks_of(draw_experience(0, n_tasks=20, n_configurations=12))
    episodes = draw_episodes(tasks, np.random.default_rng(0), n_episodes=200, max_support=6, n_query=8)
    sizes = episodes.is_told.sum(axis=1)
    assert sizes.min() == 0
    assert sizes.max() == 6
    for b in range(200):
        told = set(episodes.support[b, episodes.is_told[b]].tolist())
        asked = episodes.query[b, episodes.is_asked[b]].tolist()
        assert len(told) == sizes[b]
        assert not told & set(asked)
        assert len(asked) == len(set(asked)) > 0
        rows = np.flatnonzero((tasks.contexts == episodes.contexts[b]).all(axis=1))
        assert any(np.array_equal(tasks.costs[row, asked], episodes.costs[b, episodes.is_asked[b]]) for row in rows)
    assert np.isfinite(episodes.told).all()
    assert (episodes.told[episodes.is_told] >= 0).all()


def test_contexts_have_embeddings_where_all_tasks_have_them() -> None:
    experience = draw_experience(1)
    descriptions = [
        type(each)(**{name: getattr(each, name) for name in each.__slots__} | {"embedding": (1.0, float(row))})
        for row, each in enumerate(experience.descriptions)
    ]
    encoder = ContextEncoder().fit(descriptions)
    assert encoder.transform(descriptions)[:, -1].tolist() == list(range(len(descriptions)))
    assert encoder.transform(experience.descriptions)[:, -1].tolist() == [0.0] * len(descriptions)
    assert ContextEncoder().fit([*descriptions, experience.descriptions[0]]).n_embedded_ == 0
