import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.errors import OptionError
from autometa.evaluation.protocol import CV_V1, HOLDOUT_V1, PROTOCOLS, Prepared, Protocol
from autometa.task import Task
from autometa.task_kind import TaskKind

ROOT = Path(__file__).parents[2]

PRINT_FOLDS = """
import numpy as np, pandas as pd
from autometa.evaluation.protocol import CV_V1
from autometa.task import Task
from autometa.task_kind import TaskKind
X = pd.DataFrame({"a": np.arange(4000.0)})
task = Task(name="t", X=X, y=X["a"] % 3, kind=TaskKind.MULTICLASS, target="y")
prepared = CV_V1.prepare(task, seed=5)
print(prepared.rows.tolist(), [test.tolist() for _, test in prepared.folds])
"""


def _task(y: object, kind: TaskKind = TaskKind.BINARY) -> Task:
    target = pd.Series(y)
    X = pd.DataFrame({"a": np.arange(float(len(target)))})
    return Task(name="t", X=X, y=target, kind=kind, target="y")


def _counts(task: Task, prepared: Prepared, value: object) -> list[int]:
    """Return how many rows of a class each test fold has."""
    return [int((prepared.y.iloc[test] == value).sum()) for _, test in prepared.folds]


@pytest.mark.parametrize(("n_rows", "n_folds"), [(500, 5), (501, 3)])
def test_small_tasks_have_five_folds_and_others_three(n_rows: int, n_folds: int) -> None:
    assert len(CV_V1.prepare(_task(np.arange(n_rows) % 2), seed=0).folds) == n_folds


def test_at_most_3000_rows_are_used_in_their_original_order() -> None:
    task = _task(np.arange(10_000) % 2)
    prepared = CV_V1.prepare(task, seed=0)
    assert len(prepared.rows) == len(np.unique(prepared.rows)) == 3_000
    assert (np.diff(prepared.rows) > 0).all()
    assert prepared.X["a"].tolist() == prepared.rows.tolist()
    assert prepared.y.tolist() == (prepared.rows % 2).tolist()
    assert prepared.X.index.tolist() == list(range(3_000))


def test_all_rows_are_used_where_they_are_few() -> None:
    assert CV_V1.prepare(_task(np.arange(3_000) % 2), seed=0).rows.tolist() == list(range(3_000))


def test_every_sampled_row_is_tested_once_and_never_trained_on_then() -> None:
    prepared = CV_V1.prepare(_task(np.arange(4_000) % 2), seed=0)
    tested = np.concatenate([test for _, test in prepared.folds])
    assert np.sort(tested).tolist() == list(range(3_000))
    for train, test in prepared.folds:
        assert np.sort(np.concatenate([train, test])).tolist() == list(range(3_000))


def test_classes_keep_their_share_in_the_sample_and_in_the_folds() -> None:
    y = np.repeat(["a", "b", "c"], [6_000, 3_000, 1_000])
    task = _task(y, TaskKind.MULTICLASS)
    prepared = CV_V1.prepare(task, seed=0)
    for name, share in {"a": 0.6, "b": 0.3, "c": 0.1}.items():
        counts = _counts(task, prepared, name)
        assert sum(counts) == pytest.approx(3_000 * share, abs=1)
        assert max(counts) - min(counts) <= 1


def test_a_rare_class_keeps_a_row_for_every_fold() -> None:
    task = _task([1] * 3 + [0] * 30_000)
    assert _counts(task, CV_V1.prepare(task, seed=0), 1) == [1, 1, 1]


def test_classes_smaller_than_the_number_of_folds_are_dealt_out() -> None:
    task = _task([0, 0, 0, 0, 1, 2, 2], TaskKind.MULTICLASS)
    prepared = CV_V1.prepare(task, seed=0)
    assert sorted(len(test) for _, test in prepared.folds) == [1, 1, 1, 2, 2]
    assert sorted(_counts(task, prepared, 2)) == [0, 0, 0, 1, 1]


def test_more_classes_than_rows_in_the_sample_are_no_obstacle() -> None:
    prepared = CV_V1.prepare(_task(np.arange(8_000) // 2, TaskKind.MULTICLASS), seed=0)
    assert len(prepared.rows) == 3_000
    assert prepared.y.nunique() == 3_000


def test_a_task_of_two_rows_has_two_folds() -> None:
    assert [len(test) for _, test in CV_V1.prepare(_task([0, 1]), seed=0).folds] == [1, 1]


def test_folds_of_a_regression_are_of_equal_size_and_shuffled() -> None:
    prepared = CV_V1.prepare(_task(np.arange(600.0), TaskKind.REGRESSION), seed=0)
    assert [len(test) for _, test in prepared.folds] == [200, 200, 200]
    assert all(np.diff(test).max() > 3 for _, test in prepared.folds)


def test_rows_and_folds_are_the_same_in_another_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PRINT_FOLDS],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop()) > 10_000


def test_folds_of_a_tiny_task_are_pinned() -> None:
    prepared = CV_V1.prepare(_task([0, 1] * 5), seed=0)
    assert [test.tolist() for _, test in prepared.folds] == [[0, 9], [4, 5], [6, 7], [3, 8], [1, 2]]


def test_the_seed_and_the_name_of_the_protocol_change_rows_and_folds() -> None:
    task = _task(np.arange(4_000) % 2)
    other = Protocol(name="other", row_limit=3_000, small_rows=500, n_small_folds=5, n_folds=3)
    drawn = [CV_V1.prepare(task, seed=0), CV_V1.prepare(task, seed=1), other.prepare(task, seed=0)]
    assert len({tuple(prepared.rows) for prepared in drawn}) == 3
    assert len({tuple(prepared.folds[0][1]) for prepared in drawn}) == 3


def test_classes_written_as_text_meet_the_same_rows_as_numbers() -> None:
    numbers = np.random.default_rng(0).integers(5, 15, 4_000)
    tasks = [_task(numbers, TaskKind.MULTICLASS), _task(numbers.astype(str), TaskKind.MULTICLASS)]
    first, second = (CV_V1.prepare(task, seed=0) for task in tasks)
    assert tasks[0].fingerprint == tasks[1].fingerprint
    assert first.rows.tolist() == second.rows.tolist()
    assert first.folds[0][1].tolist() == second.folds[0][1].tolist()


def test_the_holdout_tests_a_stratified_third_once() -> None:
    task = _task(np.arange(30_000) % 10 == 0)
    prepared = HOLDOUT_V1.prepare(task, seed=0)
    ((train, test),) = prepared.folds
    assert (len(prepared.rows), len(test), len(train)) == (20_000, 6_667, 13_333)
    assert abs(prepared.y.iloc[test].sum() - 667) <= 1
    assert not set(train) & set(test)
    assert len(HOLDOUT_V1.prepare(_task(np.arange(300) % 2), seed=0).folds) == 1


@pytest.mark.parametrize("protocol", [CV_V1, HOLDOUT_V1], ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("n_rows", [60, 500, 501, 30_000])
def test_fit_rows_are_the_rows_of_a_training_fold(protocol: Protocol, n_rows: int) -> None:
    prepared = protocol.prepare(_task(np.arange(n_rows) % 2), seed=0)
    assert abs(protocol.fit_rows(n_rows) - len(prepared.folds[0][0])) <= 1


def test_protocols_are_found_by_name() -> None:
    assert PROTOCOLS == {"cv-v1": CV_V1, "holdout-v1": HOLDOUT_V1}


def test_a_protocol_with_one_fold_is_refused() -> None:
    with pytest.raises(OptionError, match="two folds"):
        Protocol(name="one", row_limit=100, small_rows=10, n_small_folds=1, n_folds=3)
