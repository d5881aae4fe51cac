"""Runs of some origins do not count, or count less."""

import math
import sqlite3
from typing import Any

import numpy as np
import pytest

from autometa.errors import NotKnownError, OptionError
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.knowledge.origins import ALL_ALIKE, Trust
from autometa.metric import get_metric
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask


@pytest.fixture
def team(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> KnowledgeBase:
    """Three tasks: of ann alone; of bob alone; a run of ann and three of bob on the third."""
    tasks = [make_task(number) for number in range(3)]
    for task in tasks:
        base.add_task(task, make_metafeatures())
    base.add_evaluations([make_evaluation(tasks[0], "a", origin="ann"), make_evaluation(tasks[1], "b", origin="bob")])
    base.add_evaluations([make_evaluation(tasks[2], "a", origin="ann")])
    base.add_evaluations([make_evaluation(tasks[2], name, origin="bob") for name in "bcd"])
    return base


def read(base: KnowledgeBase, trust: Trust = ALL_ALIKE) -> Experience:
    """Return the experience of the binary tasks."""
    metric = get_metric("auto", TaskKind.BINARY)
    return base.experience(TaskKind.BINARY, metric, protocol="cv-v1", pipelines_version="1", trust=trust)


def cells_of(experience: Experience) -> dict[str, set[str]]:
    """Return task -> algorithms that were tried on it."""
    algorithms = np.array([configuration.algorithm for configuration in experience.configurations])
    return {
        description.name: set(algorithms[tried].tolist())
        for description, tried in zip(experience.descriptions, experience.is_tried, strict=True)
    }


def test_runs_of_an_excluded_origin_are_as_not_made(team: KnowledgeBase) -> None:
    assert cells_of(read(team)) == {"binary-0": {"a"}, "binary-1": {"b"}, "binary-2": {"a", "b", "c", "d"}}
    without_bob = Trust.of(["bob"], {})
    assert cells_of(read(team, without_bob)) == {"binary-0": {"a"}, "binary-2": {"a"}}
    assert cells_of(read(team, Trust(weights={"ann": 0}))) == {"binary-1": {"b"}, "binary-2": {"b", "c", "d"}}
    assert read(team, Trust.of(["ann", "bob"], {})).n_tasks == 0


def test_a_task_weighs_as_the_mean_of_its_runs(team: KnowledgeBase) -> None:
    def weights(trust: Trust) -> dict[str, float]:
        experience = read(team, trust)
        return dict(zip([d.name for d in experience.descriptions], experience.weights.tolist(), strict=True))

    assert weights(ALL_ALIKE) == {"binary-0": 1.0, "binary-1": 1.0, "binary-2": 1.0}
    assert weights(Trust(weights={"bob": 0.5})) == {"binary-0": 1.0, "binary-1": 0.5, "binary-2": (1 + 3 * 0.5) / 4}
    assert weights(Trust.of(["ann"], {"bob": 3})) == {"binary-1": 3.0, "binary-2": 3.0}


def test_weights_go_with_their_tasks(team: KnowledgeBase) -> None:
    experience = read(team, Trust(weights={"bob": 0.5}))
    kept = experience.of_tasks(np.array([d.name != "binary-0" for d in experience.descriptions]))
    assert sorted(kept.weights.tolist()) == [0.5, 0.625]
    assert experience.of_configurations([experience.configurations[0].key]).weights is experience.weights


def test_an_origin_of_two_licences_is_one(
    team: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation
) -> None:
    team.add_evaluations([make_evaluation(make_task(0), "z", origin="bob")], licence="CC0")
    assert "z" not in cells_of(read(team, Trust.of(["bob"], {})))["binary-0"]


def test_an_unknown_origin_is_refused_with_the_known_ones(team: KnowledgeBase) -> None:
    for trust in (Trust.of(["eve"], {}), Trust(weights={"eve": 2.0})):
        with pytest.raises(NotKnownError, match="no origin 'eve'; there are: ann, bob, local"):
            read(team, trust)


@pytest.mark.parametrize("weight", [-0.1, math.inf, math.nan, 1001, "1", None, True])
def test_a_weight_is_a_number_from_0_to_1000(weight: Any) -> None:
    with pytest.raises(OptionError, match="the weight of origin 'ann' is a number from 0 to 1000, not"):
        Trust(weights={"ann": weight})


def test_what_makes_no_sense_together_is_refused() -> None:
    with pytest.raises(OptionError, match="both excluded and weighted"):
        Trust.of(["ann"], {"ann": 1.0})
    with pytest.raises(OptionError, match=r"write \['ann'\]"):
        Trust.of("ann", {})


def test_trust_says_what_is_not_as_usual() -> None:
    assert ALL_ALIKE.words == Trust(weights={"ann": 1.0}).words == ()
    assert Trust.of(["eve", "bob"], {"ann": 0.5}).words == ("without the runs of: bob, eve", "runs weighted: ann x 0.5")


def test_a_name_is_only_a_name(team: KnowledgeBase) -> None:
    name = "'; DROP TABLE tasks; --%"
    driver = sqlite3.connect(team.place)
    driver.execute("UPDATE origins SET name = ? WHERE name = 'bob'", [name])
    driver.commit()
    driver.close()
    assert cells_of(read(team, Trust.of([name], {}))) == {"binary-0": {"a"}, "binary-2": {"a"}}
