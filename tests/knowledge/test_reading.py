"""What is read from a knowledge base: counts, DataFrames, experience."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from autometa.errors import NotKnownError
from autometa.evaluation.record import Status
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.status import Filled
from autometa.metric import METRICS, get_metric
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask

pytestmark = pytest.mark.both_backends

NAN, INF = np.nan, np.inf


@pytest.fixture
def tasks(base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures) -> list[Task]:
    """Three known binary tasks, in the order of their fingerprints."""
    made = sorted((make_task(number) for number in range(3)), key=lambda task: task.fingerprint)
    for number, task in enumerate(made):
        base.add_task(task, make_metafeatures(float(number)))
    return made


@pytest.fixture
def configurations() -> list[Configuration]:
    """Three configurations, in the order of their keys."""
    return sorted((Configuration(algorithm=name) for name in ("tree", "ridge", "svm")), key=lambda c: c.key)


def test_status_equals_a_count_by_hand(
    base: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
) -> None:
    binary = [make_task(number) for number in range(3)]
    line = make_task(0, TaskKind.REGRESSION)
    for task in (*binary, line):
        base.add_task(task, make_metafeatures())
    base.add_evaluations(
        [
            make_evaluation(binary[0], "ridge"),
            make_evaluation(binary[0], "ridge", seed=1),  # the same cell
            make_evaluation(binary[0], "svm", status=Status.TIMED_OUT),
            make_evaluation(binary[1], "svm", status=Status.OUT_OF_MEMORY),
            make_evaluation(line, Configuration(algorithm="svm", values={"C": 2.0}), status=Status.FAILED),
        ]
    )
    status = base.status()
    assert status.tasks == {"total": 4, "binary": 3, "multiclass": 0, "regression": 1}
    assert status.configurations == {"total": 3, "ridge": 1, "svm": 2}
    assert status.evaluations == {"total": 5, "ok": 2, "failed": 1, "timed_out": 1, "out_of_memory": 1}
    # binary: 3 of 3 tasks x 2 configurations; regression: 1 of 1 x 1
    assert status.coverage == (3 + 1) / (6 + 1)
    assert status.filled == (  # two binary tasks were measured, and one has ridge, which is half of them
        Filled(kind=TaskKind.BINARY, protocol="cv-v1", tasks=2, configurations=2, share=3 / 4, full_tasks=1),
        Filled(kind=TaskKind.REGRESSION, protocol="cv-v1", tasks=1, configurations=1, share=1.0, full_tasks=1),
    )
    assert (status.differing_repeats, status.withdrawn) == (0, 0)
    assert status.revision == 5


def test_experience_is_the_matrix_by_hand(
    base: KnowledgeBase, tasks: list[Task], configurations: list[Configuration], make_evaluation: MakeEvaluation
) -> None:
    a, b, _ = tasks
    first, second, third = configurations
    base.add_evaluations(  # neither in the order of keys nor of fingerprints
        [
            make_evaluation(b, third, scores=(0.5, 0.75), fit_seconds=3.0, peak_memory_bytes=30),
            make_evaluation(a, third, status=Status.FAILED, fit_seconds=NAN),
            make_evaluation(a, first, scores=(0.25, 0.5), fit_seconds=1.0, predict_seconds=0.75, peak_memory_bytes=10),
            make_evaluation(b, second, status=Status.TIMED_OUT, fit_seconds=60.0, peak_memory_bytes=20),
        ]
    )
    found = base.experience(TaskKind.BINARY, get_metric("roc_auc"), protocol="cv-v1", pipelines_version="1")
    assert [d.fingerprint for d in found.descriptions] == [a.fingerprint, b.fingerprint]
    assert found.configurations == tuple(configurations)
    assert_array_equal(found.losses, [[1 - 0.375, NAN, INF], [NAN, INF, 1 - 0.625]])
    assert_array_equal(found.fit_seconds, [[1.0, NAN, NAN], [NAN, 60.0, 3.0]])
    assert_array_equal(found.memory_bytes, [[10, NAN, 1024], [NAN, 20, 30]])
    assert_array_equal(found.predict_seconds, [[0.75, NAN, 0.125], [NAN, 0.125, 0.125]])
    assert found.descriptions[0].metafeatures["nr_inst"] == 0.0
    assert found.revision == base.revision == 4


def test_the_losses_have_the_direction_of_the_metric(
    base: KnowledgeBase, tasks: list[Task], make_evaluation: MakeEvaluation
) -> None:
    base.add_evaluations([make_evaluation(tasks[0], fold_scores={"log_loss": (0.25, 0.75), "roc_auc": (0.75, 1.0)})])
    read = {
        name: base.experience(TaskKind.BINARY, get_metric(name), protocol="cv-v1", pipelines_version="1").losses
        for name in ("log_loss", "roc_auc", "accuracy")
    }
    assert_array_equal(read["log_loss"], [[0.5]])
    assert_array_equal(read["roc_auc"], [[0.125]])
    assert_array_equal(read["accuracy"], [[NAN]])  # absent is not failed


def test_experience_reads_one_kind_protocol_version_and_seed_zero(
    base: KnowledgeBase,
    tasks: list[Task],
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
) -> None:
    other_kind = make_task(0, TaskKind.MULTICLASS)
    base.add_task(other_kind, make_metafeatures())
    base.add_evaluations(
        [
            make_evaluation(tasks[0], "read"),
            make_evaluation(tasks[1], "seed", seed=1),
            make_evaluation(tasks[1], "protocol", protocol="holdout-v1"),
            make_evaluation(tasks[1], "version", pipelines_version="2"),
            make_evaluation(other_kind, "kind"),
        ]
    )
    found = base.experience(TaskKind.BINARY, get_metric("roc_auc"), protocol="cv-v1", pipelines_version="1")
    assert [c.algorithm for c in found.configurations] == ["read"]
    assert [d.fingerprint for d in found.descriptions] == [tasks[0].fingerprint]


def test_experience_of_nothing_is_empty(base: KnowledgeBase) -> None:
    found = base.experience(TaskKind.BINARY, get_metric("roc_auc"), protocol="cv-v1", pipelines_version="1")
    assert (found.n_tasks, found.n_configurations) == (0, 0)
    assert found.normalised_losses.shape == (0, 0)


def test_metafeatures_of_another_version_are_read_as_missing(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures(5.0, version="of the future"))
    base.add_evaluations([make_evaluation(task)])
    found = base.experience(TaskKind.BINARY, get_metric("roc_auc"), protocol="cv-v1", pipelines_version="1")
    assert found.descriptions[0].metafeatures == {}
    assert_array_equal(found.losses, [[0.5]])


def test_the_tasks_are_listed_by_name_with_their_runs(filled: KnowledgeBase) -> None:
    found = filled.tasks()
    assert found["name"].tolist() == ["binary-0", "multiclass-1", "regression-2"]
    assert found["n_classes"].tolist() == [2, 3, 0]
    assert found["n_evaluations"].tolist() == [4, 4, 4]


def test_the_configurations_are_listed_with_their_runs(
    filled: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation
) -> None:
    filled.add_evaluations([make_evaluation(make_task(), "learner-ok", seed=1)])
    found = filled.configurations()
    assert found["algorithm"].tolist() == [f"learner-{status}" for status in sorted(Status)]
    assert found.set_index("algorithm")["n_evaluations"].to_dict() == {
        f"learner-{status}": 4 if status is Status.OK else 3 for status in Status
    }
    assert found["content"].iloc[0] == Configuration(algorithm="learner-failed").to_json()


def test_evaluations_are_listed_in_the_order_in_which_they_came(filled: KnowledgeBase) -> None:
    found = filled.evaluations()
    assert found["status"].tolist() == [str(status) for status in Status] * 3
    assert found["task"].tolist() == ["binary-0"] * 4 + ["multiclass-1"] * 4 + ["regression-2"] * 4
    assert found["accuracy"].tolist()[:1] == [0.5]
    assert math.isnan(found["accuracy"][8])
    assert found["rmse"][8] == 0.5
    assert len(filled.evaluations(limit=5)) == 5


def test_evaluations_are_listed_by_task_and_by_configuration(filled: KnowledgeBase, make_task: MakeTask) -> None:
    fingerprint, key = make_task().fingerprint, Configuration(algorithm="learner-ok").key
    assert set(filled.evaluations(fingerprint=fingerprint)["task"]) == {"binary-0"}
    assert len(filled.evaluations(key=key)) == 3
    assert len(filled.evaluations(fingerprint=fingerprint, key=key)) == 1
    assert filled.evaluations(key="unknown").empty


@pytest.mark.parametrize("is_filled", [True, False])
def test_scores_are_listed_as_numbers_even_where_none_is(
    is_filled: bool, base: KnowledgeBase, tasks: list[Task], make_evaluation: MakeEvaluation
) -> None:
    if is_filled:
        base.add_evaluations([make_evaluation(tasks[0], status=Status.FAILED)])
    found = base.evaluations()
    assert all(pd.api.types.is_float_dtype(found[name]) for name in METRICS)


def test_an_unknown_task_is_not_described(base: KnowledgeBase) -> None:
    with pytest.raises(NotKnownError, match="no task with fingerprint 0f0f0f0f0f0f; see: autometa kb list tasks"):
        base.describe("0f" * 32)


def test_what_was_tried_is_told_by_protocol_version_and_seed(
    base: KnowledgeBase, tasks: list[Task], make_evaluation: MakeEvaluation
) -> None:
    base.add_evaluations(
        [
            make_evaluation(tasks[0], "a"),
            make_evaluation(tasks[1], "b", status=Status.FAILED),
            make_evaluation(tasks[0], "c", seed=1),
            make_evaluation(tasks[0], "c", protocol="holdout-v1"),
            make_evaluation(tasks[0], "c", pipelines_version="2"),
        ]
    )
    assert base.tried(protocol="cv-v1", pipelines_version="1", seed=0) == {
        (tasks[0].fingerprint, Configuration(algorithm="a").key),
        (tasks[1].fingerprint, Configuration(algorithm="b").key),
    }
