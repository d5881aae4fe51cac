"""Tables as the encoder reads them: bounded, seeded, and free of names, order and units."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from autometa.fewshot.encoder.tables import (
    N_CHANNELS,
    N_CLASSES,
    N_COLUMNS,
    N_PAIRS,
    N_ROWS,
    Table,
    by_frequency,
    channels_of,
    read_table,
    scaled_number,
)
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.fewshot.encoder.tables import mixed


def channels(table: Table, seed: int = 0) -> np.ndarray:
    return channels_of(table, np.random.default_rng(seed))


def wide(n_rows: int = 2_000, n_columns: int = 90, n_classes: int = 20) -> Task:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n_rows, n_columns)), columns=[f"c{i:02}" for i in range(n_columns)])
    y = pd.Series(rng.integers(n_classes, size=n_rows)).astype(str)
    return Task(name="wide", X=X, y=y, kind=TaskKind.MULTICLASS, target="y")


def test_a_large_table_is_read_in_part() -> None:
    table = read_table(wide())
    assert table.values.shape == (N_ROWS, N_COLUMNS)
    assert table.n_classes == N_CLASSES
    assert channels(table).shape == (N_ROWS, N_PAIRS, N_CHANNELS)


def test_the_sample_depends_on_fingerprint_and_seed_alone() -> None:
    task = wide()
    turned = Task(name="turned", X=task.X[task.X.columns[::-1]], y=task.y, kind=task.kind, target="other name")
    assert np.array_equal(read_table(task).values, read_table(turned).values)
    assert not np.array_equal(read_table(task).values, read_table(task, seed=1).values)


@pytest.mark.parametrize("kind", TaskKind)
def test_channels_are_finite_and_of_usual_size(kind: TaskKind) -> None:
    found = channels(read_table(mixed(kind=kind)))
    assert found.shape[1] == 4 * {"binary": 2, "multiclass": 3, "regression": 1}[kind]
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 2.0
    assert found[:, :, 4].any()


def test_units_and_names_of_categories_and_labels_tell_nothing() -> None:
    task = mixed()
    X = task.X.assign(
        width=task.X["width"] * 2**20,
        colour=task.X["colour"].cat.rename_categories({"red": "a", "blue": "b", "green": "c"}),
    )
    renamed = Task(name="r", X=X, y=task.y.replace({"0": "x", "1": "w", "2": "v"}), kind=task.kind, target="y")
    one, other = channels(read_table(task)), channels(read_table(renamed))

    def ordered(found: np.ndarray) -> np.ndarray:  # whatever the order of rows and pairs
        means = found.astype(float).mean(axis=0).round(5)
        return np.asarray(means[np.lexsort(means.T)])

    assert ordered(one) == pytest.approx(ordered(other), abs=1e-4)


def test_infinite_numbers_count_as_missing_and_huge_ones_are_numbers() -> None:
    ranks, robust = scaled_number(np.array([1e308, -1e308, 0.0, np.nan]))
    assert ranks.tolist() == pytest.approx([2 / 3, -2 / 3, 0.0, 0.0])
    assert robust[:2].tolist() == pytest.approx([-robust[1], robust[1]])
    assert scaled_number(np.full(3, np.nan))[0].tolist() == [0.0] * 3
    assert scaled_number(np.full(3, 7.0))[1].tolist() == [0.0] * 3


def test_a_category_is_told_by_the_targets_of_the_other_rows_with_it() -> None:
    table = Table(
        kind=TaskKind.BINARY,
        family="f",
        values=np.array([[0.0], [0.0], [1.0], [1.0]]),
        is_nominal=np.array([True]),
        target=np.array([0.0, 0.0, 1.0, 1.0]),
    )
    found = channels(table)
    # class 0, category 0: the other row is of it (1), and one more row of the usual mean 0
    assert found[:, 0, 3].tolist() == pytest.approx([0.5, 0.5, -0.5, -0.5])
    assert found[:, 0, 2].tolist() == [0.5] * 4
    alone = replace(table, values=np.arange(4.0)[:, None])
    assert channels(alone)[:, :, 3].tolist() == [[0.0, 0.0]] * 4


def test_classes_are_numbered_by_frequency() -> None:
    assert by_frequency(np.array([5.0, 2.0, 2.0, 9.0, 9.0, 9.0])).tolist() == [2.0, 1.0, 1.0, 0.0, 0.0, 0.0]
