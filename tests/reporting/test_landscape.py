"""The map of tasks is a projection that keeps what it says it keeps."""

import dataclasses

import numpy as np
import pytest
from sklearn.decomposition import PCA

from autometa.knowledge.frames import Experience
from autometa.metric import default_metric
from autometa.recommenders.recommendation import Advice, KnownTask, Recommendation
from autometa.recommenders.similarity import Similarity
from autometa.reporting.landscape import survey
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind
from tests.recommenders.experiences import make_description, make_experience


def make_recommendation(task: TaskDescription, known: tuple[TaskDescription, ...] = ()) -> Recommendation:
    """Return a recommendation of one pipeline for a task, with these nearest known tasks."""
    advice = Advice(
        rank=1,
        configuration=Configuration(algorithm="lightgbm"),
        predicted_score=0.9,
        interval=(0.8, 0.95),
        fit_seconds=1.0,
        reasons=(),
        evidence=(),
        kind=TaskKind.BINARY,
        column_kinds={},
    )
    return Recommendation(
        task=task,
        target="y",
        metric=default_metric(TaskKind.BINARY),
        known_tasks=tuple(KnownTask(name=each.name, distance=0.5, fingerprint=each.fingerprint) for each in known),
        novelty=0.5,
        advice=(advice,),
    )


def drawn_experience(n_tasks: int = 20) -> Experience:
    rng = np.random.default_rng(0)
    features = [dict(zip("abcd", row, strict=True)) for row in rng.normal(size=(n_tasks, 4)).tolist()]
    return make_experience([[0.1, 0.2]] * n_tasks, metafeatures=features)


NEW = make_description("new", metafeatures=dict.fromkeys("abcd", 0.5))


def test_the_plane_is_that_of_the_principal_components() -> None:
    experience = drawn_experience()
    landscape = survey(experience, make_recommendation(NEW))
    similarity = Similarity().fit(experience.descriptions)
    table = similarity.transform(experience.descriptions)
    model = PCA(2).fit(table)
    signs = np.sign((model.transform(table) * landscape.points).sum(axis=0))
    np.testing.assert_allclose(landscape.points, model.transform(table) * signs, atol=1e-9)
    np.testing.assert_allclose(landscape.own, model.transform(similarity.transform([NEW]))[0] * signs, atol=1e-9)
    assert landscape.share == pytest.approx(model.explained_variance_ratio_.sum())
    np.testing.assert_allclose(landscape.distances, similarity.distances(NEW))


def test_nearest_tasks_are_found_by_fingerprint_in_order() -> None:
    experience = drawn_experience()
    known = (experience.descriptions[7], experience.descriptions[3])
    landscape = survey(experience, make_recommendation(NEW, known))
    assert [landscape.names[place] for place in landscape.nearest] == ["7", "3"]


def test_a_task_that_is_known_stands_on_the_map_once() -> None:
    experience = drawn_experience()
    own = dataclasses.replace(experience.descriptions[5], name="mine")
    landscape = survey(experience, make_recommendation(own, (experience.descriptions[5], experience.descriptions[2])))
    assert "5" not in landscape.names
    assert len(landscape.names) == len(landscape.points) == len(landscape.distances) == 19
    assert [landscape.names[place] for place in landscape.nearest] == ["2"]


@pytest.mark.parametrize("n_tasks", [1, 2])
def test_few_tasks_have_a_map_too(n_tasks: int) -> None:
    experience = drawn_experience(n_tasks)
    for task in (NEW, experience.descriptions[0]):
        landscape = survey(experience, make_recommendation(task, experience.descriptions))
        assert np.isfinite(landscape.points).all()
        assert np.isfinite(landscape.own).all()
        assert 0 <= landscape.share <= 1 + 1e-9
