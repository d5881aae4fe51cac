"""Tables made from tables."""

from dataclasses import replace

import numpy as np
import pytest

from autometa.fewshot.encoder.augmentation import (
    AUGMENTATIONS,
    augmented,
    quantised,
    subsampled,
    with_merged_labels,
    with_split_target,
)
from autometa.fewshot.encoder.tables import channels_of, read_table
from autometa.task_kind import TaskKind
from tests.fewshot.encoder.tables import mixed


@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("seed", range(5))
def test_what_is_made_is_a_task_of_the_same_family(kind: TaskKind, seed: int) -> None:
    table = read_table(mixed(kind=kind))
    made = augmented(table, np.random.default_rng(seed))
    assert made.family == table.family
    assert made.n_rows == table.n_rows
    assert len(np.unique(made.target)) >= 2
    assert np.isfinite(channels_of(made, np.random.default_rng(0))).all()
    again = augmented(table, np.random.default_rng(seed))
    assert np.array_equal(made.target, again.target)
    assert np.array_equal(made.values, again.values, equal_nan=True)


def test_a_part_has_rows_of_the_table_and_two_classes() -> None:
    table = read_table(mixed(n_rows=300))
    for seed in range(20):
        part = subsampled(table, np.random.default_rng(seed), n_rows=50)
        assert 8 <= part.n_rows <= 50
        assert 2 <= part.n_columns <= table.n_columns
        assert len(np.unique(part.target)) >= 2
        numbers = part.values[:, ~part.is_nominal]
        assert np.isin(numbers[np.isfinite(numbers)], table.values).all()


def test_a_class_that_is_hardly_ever_drawn_is_in_every_part_and_no_part_is_too_large() -> None:
    table = read_table(mixed(n_rows=200, kind=TaskKind.BINARY))
    target = np.zeros(200)
    target[77] = 1.0
    for rare, n_classes in ((replace(table, target=target), 2), (replace(table, target=np.zeros(200)), 1)):
        for seed in range(20):
            part = subsampled(rare, np.random.default_rng(seed), n_rows=30)
            assert part.n_rows <= 30
            assert len(np.unique(part.target)) == n_classes


def test_merged_labels_join_classes_and_split_none() -> None:
    table = read_table(mixed())
    made = with_merged_labels(table, np.random.default_rng(0))
    assert made.kind is TaskKind.BINARY
    for label in np.unique(table.target):
        assert len(np.unique(made.target[table.target == label])) == 1
    assert (made.target == 0).sum() >= (made.target == 1).sum()


def test_a_regression_becomes_ranges_of_about_equal_size() -> None:
    table = read_table(mixed(kind=TaskKind.REGRESSION))
    made = with_split_target(table, np.random.default_rng(0))
    assert made.kind.is_classification
    counts = np.bincount(made.target.astype(int))
    assert counts.max() - counts.min() <= 2
    lowest = made.target[np.argsort(table.target)][0]
    assert np.ptp(table.target[made.target == lowest]) < np.ptp(table.target)


def test_quantised_numbers_take_few_values_in_their_order() -> None:
    table = read_table(mixed())
    made = quantised(table, np.random.default_rng(0))
    assert np.array_equal(np.isnan(made.values), np.isnan(table.values))
    is_changed = ((made.values != table.values) & np.isfinite(table.values)).any(axis=0)
    changed = np.flatnonzero(is_changed)
    assert len(changed) > 0
    assert not is_changed[table.is_nominal].any()
    for column in changed:
        there = np.isfinite(table.values[:, column])
        order = np.argsort(table.values[there, column], kind="stable")
        assert (np.diff(made.values[there, column][order]) >= 0).all()
        assert len(np.unique(made.values[there, column])) <= 17


def test_what_cannot_be_made_is_the_table_as_it_was() -> None:
    rng = np.random.default_rng(0)
    binary, regression = (read_table(mixed(kind=kind)) for kind in (TaskKind.BINARY, TaskKind.REGRESSION))
    assert with_merged_labels(binary, rng) is binary
    assert with_merged_labels(regression, rng) is regression
    assert with_split_target(binary, rng) is binary
    assert set(AUGMENTATIONS) == {"merged labels", "split target", "quantised"}
