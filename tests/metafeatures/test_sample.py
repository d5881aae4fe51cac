import numpy as np
import pandas as pd

from autometa.metafeatures import extract
from autometa.metafeatures.sample import LEARNER_CLASSES, SAMPLE_COLUMNS, SAMPLE_ROWS, Sample
from autometa.task import Task
from autometa.task_kind import TaskKind


def _task(X: pd.DataFrame, y: np.ndarray, kind: TaskKind = TaskKind.BINARY) -> Task:
    return Task(name="t", X=X, y=pd.Series(y), kind=kind, target="y")


def test_a_large_table_is_sampled_in_rows_and_columns_by_the_seed() -> None:
    n_rows = SAMPLE_ROWS + 500
    random = np.random.default_rng(0)
    names = [f"c{i}" for i in range(SAMPLE_COLUMNS + 20)]
    task = _task(pd.DataFrame(random.normal(size=(n_rows, len(names))), columns=names), np.arange(n_rows) % 2)
    first, again, other = (Sample(task=task, seed=seed) for seed in (0, 0, 1))
    assert first.encoded.shape == (SAMPLE_ROWS, SAMPLE_COLUMNS)
    assert len(np.unique(first.rows)) == SAMPLE_ROWS
    np.testing.assert_array_equal(first.encoded, again.encoded)
    assert not np.array_equal(first.rows, other.rows)


def test_a_small_table_is_taken_whole_and_in_order(iris: Task) -> None:
    np.testing.assert_array_equal(Sample(task=iris, seed=0).rows, np.arange(150))


def test_missing_values_are_counted_in_the_full_table() -> None:
    n_rows = 3 * SAMPLE_ROWS
    holes = np.where(np.arange(n_rows) % 3 == 0, np.nan, 1.0)
    X = pd.DataFrame({f"c{i}": holes for i in range(20)} | {"whole": np.ones(n_rows)})
    sample = Sample(task=_task(X, np.arange(n_rows) % 2), seed=0)
    np.testing.assert_array_equal(sample.missing_counts, [SAMPLE_ROWS] * 20 + [0])


def test_encoded_columns_are_standardised(toys: Task) -> None:
    encoded = Sample(task=toys, seed=0).encoded
    assert encoded.shape == (12, 3 + 1 + 1)  # three colours, one of two sizes, width
    np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(encoded.std(axis=0), 1)


def test_where_nothing_varies_one_column_of_zeros_stands() -> None:
    sample = Sample(task=_task(pd.DataFrame({"a": np.ones(4)}), np.array([0, 1, 0, 1])), seed=0)
    np.testing.assert_array_equal(sample.encoded, np.zeros((4, 1)))


def test_learners_see_the_rows_of_the_most_frequent_classes() -> None:
    classes = np.concatenate([np.repeat(np.arange(LEARNER_CLASSES), 3), LEARNER_CLASSES + np.arange(50)])
    task = _task(pd.DataFrame({"a": np.arange(350.0)}), classes, TaskKind.MULTICLASS)
    sample = Sample(task=task, seed=0)
    np.testing.assert_array_equal(sample.learner_rows(1_000), np.arange(300))
    assert len(sample.learner_rows(90)) == 90
    assert sample.outputs(np.arange(300)).shape == (300, LEARNER_CLASSES)


def test_the_outputs_of_a_regression_are_standardised(diabetes: Task) -> None:
    sample = Sample(task=diabetes, seed=0)
    expected = (diabetes.y - diabetes.y.mean()) / diabetes.y.std(ddof=0)
    np.testing.assert_allclose(sample.outputs(np.arange(442))[:, 0], expected)


def test_identifiers_are_not_seen() -> None:
    width = np.random.default_rng(0).normal(size=60)
    X = pd.DataFrame({"width": width, "code": [None, *(f"c{i}" for i in range(59))], "shape": list("uvw") * 20})
    X["shape"] = pd.Categorical(X["shape"])
    y = width > 0
    task = Task(name="t", X=X, y=pd.Series(y), kind=TaskKind.BINARY, target="y", identifiers=("code",))
    assert dict(extract(task).values) == dict(extract(_task(X[["width", "shape"]], y)).values)
    assert extract(task).values["nr_attr"] == 2
    np.testing.assert_array_equal(Sample(task=task, seed=0).missing_counts, [0, 0])
