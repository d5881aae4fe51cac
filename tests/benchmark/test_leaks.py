"""A planted leak: a copy of a table, under another name, with other column names and its rows in another order."""

from collections.abc import Sequence
from dataclasses import replace as changed
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

from autometa.advisor import Advisor, describe_task
from autometa.benchmark.replay import Method, replay
from autometa.evaluation.protocol import CV_V1
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.metric import default_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.reading import read_task
from autometa.recommenders.nearest import NearestTasks
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from autometa.wish import Wish

METHODS = [Method(name="nearest", make=NearestTasks)]
CONFIGURATIONS = [
    Configuration(algorithm="k_nearest_neighbors", values={"n_neighbors": number}) for number in range(1, 31)
]


def original() -> Task:
    """Return the wines."""
    return changed(read_task(load_wine(as_frame=True).frame, target="target"), name="wines", family="wines")


def twin() -> Task:
    """Return the wines as somebody else would hand them on; nothing says whose they are."""
    frame = load_wine(as_frame=True).frame.sample(frac=1.0, random_state=1).reset_index(drop=True)
    names = {name: f"v{number}" for number, name in enumerate(frame.columns)}
    return changed(read_task(frame.rename(columns=names), target=names["target"]), name="twin")


def stranger(number: int) -> Task:
    """Return a drawn table that has nothing to do with the others."""
    rng = np.random.default_rng(number)
    frame = pd.DataFrame(rng.normal(size=(150, 6)), columns=list("abcdef"))
    frame["y"] = np.digitize(frame["a"] + rng.normal(size=150), [-0.5, 0.5]).astype(str)
    return changed(read_task(frame, target="y"), name=f"stranger {number}")


def grown(path: Path, tasks: Sequence[Task]) -> KnowledgeBase:
    """Return a base with 30 drawn results on each task; the twin's are those of the original."""
    base = KnowledgeBase.create(path)
    for task in tasks:
        base.add_task(task, describe_task(task)[1])
        seed = 99 if task.name in {"wines", "twin"} else int(task.name.split()[1])
        losses = np.random.default_rng(seed).uniform(0.1, 1.0, len(CONFIGURATIONS))
        base.add_evaluations(_evaluation(task, *cell) for cell in zip(CONFIGURATIONS, losses.tolist(), strict=True))
    return base


def _evaluation(task: Task, configuration: Configuration, loss: float) -> Evaluation:
    """Return a result with this logarithmic loss."""
    return Evaluation(
        fingerprint=task.fingerprint,
        configuration=configuration,
        protocol=CV_V1.name,
        pipelines_version=PIPELINES_VERSION,
        seed=0,
        status=Status.OK,
        fold_scores={"log_loss": (loss, loss, loss)},
        fit_seconds=1.0,
        predict_seconds=0.1,
        peak_memory_bytes=0,
        error="",
        absent={},
        versions={},
    )


def experience_of(base: KnowledgeBase) -> Experience:
    kind = TaskKind.MULTICLASS
    return base.experience(
        kind,
        default_metric(kind),
        protocol=CV_V1.name,
        pipelines_version=PIPELINES_VERSION,
        metafeatures_version=EXTRACTION_VERSION,
    )


def regret_of_the_wines(experience: Experience) -> float:
    """Return the regret of the first proposal for the original."""
    replayed = replay(experience, METHODS, n_steps=1)
    names = [task.name for task in replayed.tasks]
    return float(replayed.regrets("nearest")[names.index("wines"), 0])


@pytest.fixture
def strangers() -> list[Task]:
    return [stranger(number) for number in range(5)]


def test_a_replay_hides_a_task_with_its_unnamed_twin(tmp_path: Path, strangers: list[Task]) -> None:
    with grown(tmp_path / "leaky.db", [original(), twin(), *strangers]) as leaky:
        planted = experience_of(leaky)
    with grown(tmp_path / "clean.db", [original(), *strangers]) as clean:
        without = regret_of_the_wines(experience_of(clean))
    families = {task.name: task.family for task in planted.descriptions}
    assert families["twin"] == families["wines"] == "wines"
    assert len(set(families.values())) == 6
    assert regret_of_the_wines(planted) == without > 0.1
    # The leak is one: with the twin in a family of its own, the best is found at once.
    told = [changed(task, family="twin") if task.name == "twin" else task for task in planted.descriptions]
    assert regret_of_the_wines(changed(planted, descriptions=tuple(told))) == 0.0


def test_advice_says_that_a_table_or_its_twin_is_known(tmp_path: Path, strangers: list[Task]) -> None:
    with grown(tmp_path / "known.db", [original(), *strangers]) as base:
        notes = Advisor(base).recommend(original(), Wish(k=3)).notes
        assert any(note.startswith("known table: 30 of its runs are stored") for note in notes)
    with grown(tmp_path / "near.db", [twin(), *strangers]) as base:
        notes = Advisor(base).recommend(original(), Wish(k=3)).notes
        assert any(note.startswith("nearly the same as the known table") and "twin" in note for note in notes)
        assert not any(note.startswith("known table:") for note in notes)
        fresh = Advisor(base).recommend(stranger(77), Wish(k=3)).notes
        assert not any("known table" in note for note in fresh)
