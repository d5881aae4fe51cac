"""The rule: planted copies are recognised, tables that merely look alike are not."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.reading import read_task
from autometa.sketches import Likeness, Lineup, Sketch, draw_sketch, likeness
from autometa.sketches.sketch import COMPLETE, EMPTY, Sample
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.sketches import tables

TABLES: dict[str, Callable[[], Task]] = {
    "cancer": tables.cancer,
    "wine": tables.wine,
    "diabetes": tables.diabetes,
    "customers": tables.customers,
    "categories": tables.categories,
}
COPIES: tuple[tables.Copy, ...] = (
    tables.shuffled,
    tables.half_of_rows,
    tables.half_of_columns,
    tables.renamed,
    tables.recoded,
    tables.in_float32,
    tables.in_six_digits,
)


def sample(*hashes: int, limit: int = COMPLETE, density: float = 0.0) -> Sample:
    """Return a sample."""
    return Sample(hashes=np.array(hashes, dtype=np.uint32), limit=limit, density=density)


def sketch(**samples: Sample) -> Sketch:
    """Return a sketch; samples that are not given are empty."""
    return Sketch(**{"rows": EMPTY, "numbers": EMPTY, "pairs": EMPTY, "columns": EMPTY, **samples})


def near(one: Task, other: Task) -> bool:
    """Return whether two tasks are nearly the same."""
    return likeness(draw_sketch(one), draw_sketch(other)).is_near


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.__name__)
@pytest.mark.parametrize("name", TABLES)
def test_a_planted_copy_is_recognised(name: str, copy: tables.Copy) -> None:
    task = TABLES[name]()
    assert near(task, copy(task))
    assert near(copy(task), task)


@pytest.mark.parametrize("name", ["cancer", "wine", "diabetes", "customers"])
def test_all_changes_together_are_recognised_where_numbers_are_left(name: str) -> None:
    copy = task = TABLES[name]()
    for change in (
        tables.half_of_rows,
        tables.half_of_columns,
        tables.shuffled,
        tables.renamed,
        tables.recoded,
        tables.in_float32,
    ):
        copy = change(copy)
    assert near(task, copy)


def test_a_tenth_of_the_rows_is_recognised() -> None:
    task = tables.customers(n_rows=2000)
    assert near(task, tables.take(task, slice(300, 500)))


def test_two_parts_that_share_half_of_their_rows_are_recognised() -> None:
    task = tables.customers()
    assert near(tables.take(task, slice(0, 600)), tables.take(task, slice(250, 850)))


def test_two_halves_that_share_no_row_are_not_the_same() -> None:
    task = tables.customers()
    assert not near(tables.take(task, slice(0, 500)), tables.take(task, slice(500, 1000)))


def test_the_same_columns_with_another_target_are_recognised() -> None:
    task = tables.diabetes()
    other = tables.make_task(task.X.drop(columns="bmi"), task.X["bmi"], TaskKind.REGRESSION)
    assert near(task, other)
    assert near(task, tables.make_task(task.X, (task.y > 150).astype(int), TaskKind.BINARY))


@pytest.mark.parametrize("make", [tables.customers, tables.categories, tables.survey, tables.generated])
def test_tables_that_are_drawn_anew_are_not_the_same(make: Callable[[int], Task]) -> None:
    sketches = [draw_sketch(make(seed)) for seed in range(8)]
    assert not any(likeness(*pair).is_near for pair in combinations(sketches, 2))


def test_different_tables_are_not_the_same() -> None:
    sketches = [draw_sketch(make()) for make in (*TABLES.values(), tables.survey, tables.generated)]
    assert not any(likeness(*pair).is_near for pair in combinations(sketches, 2))


@pytest.mark.parametrize("n_columns", [4, 8, 20, 40])
def test_two_questionnaires_are_not_the_same(n_columns: int) -> None:
    sketches = [draw_sketch(tables.survey(seed, 300 * (1 + seed), n_columns)) for seed in range(5)]
    assert not any(likeness(*pair).is_near for pair in combinations(sketches, 2))


def test_two_series_over_the_same_days_are_not_the_same() -> None:
    def series(seed: int) -> Task:
        rng = np.random.default_rng(seed)
        days = pd.date_range("2015-01-01", periods=1500, freq="D")
        steps = pd.Series(np.round(rng.normal(size=1500).cumsum(), 3))
        X = pd.DataFrame({"number": np.arange(1500), "year": days.year, "day": days.day_of_year, "before": steps})
        return tables.make_task(X, pd.Series(np.round(steps + rng.normal(size=1500), 3)), TaskKind.REGRESSION)

    assert not near(series(0), series(1))


@pytest.mark.parametrize(("n_rows", "n_lags"), [(5000, 2), (5000, 3), (20000, 6)])
def test_two_sensors_with_lags_are_not_the_same(n_rows: int, n_lags: int) -> None:
    def sensor(seed: int) -> Task:
        noise = np.random.default_rng(seed).normal(size=n_rows + n_lags)
        values = np.zeros(n_rows + n_lags)
        for row in range(1, len(values)):
            values[row] = 0.9 * values[row - 1] + noise[row]
        values = np.round(20 + values, 1)
        X = pd.DataFrame({f"lag{lag}": values[lag : lag + n_rows] for lag in range(n_lags)})
        return tables.make_task(X, pd.Series(values[n_lags:] > 20).astype(int), TaskKind.BINARY)

    assert not near(sensor(0), sensor(1))


def test_two_tables_of_years_that_go_together_are_not_the_same() -> None:
    def houses(seed: int) -> Task:
        rng = np.random.default_rng(seed)
        built = rng.integers(1900, 2020, 3000)
        X = pd.DataFrame(
            {"built": built, "sold": built + rng.integers(0, 5, 3000), "quality": rng.integers(0, 9, 3000)}
        )
        return tables.make_task(X, pd.Series(rng.integers(0, 2, 3000)), TaskKind.BINARY)

    assert not near(houses(0), houses(1))


@pytest.mark.parametrize("n_rows", [149, 150, 530])
def test_a_part_of_two_columns_is_recognised_whatever_the_number_of_rows(n_rows: int) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=n_rows), "b": rng.normal(size=n_rows)})
    y = pd.Series(np.arange(n_rows) % 2)
    n_left = round(0.6 * n_rows)
    assert near(tables.make_task(X, y, TaskKind.BINARY), tables.make_task(X[:n_left], y[:n_left], TaskKind.BINARY))


def test_a_copy_without_its_identifier_is_recognised() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"customer_id": rng.permutation(300), "a": rng.normal(size=300), "b": rng.integers(0, 3, 300)})
    whole = read_task(X.assign(y=np.arange(300) % 2), target="y")
    assert whole.identifiers == ("customer_id",)
    without = read_task(X.drop(columns="customer_id").assign(y=np.arange(300) % 2)[:150], target="y")
    assert likeness(draw_sketch(whole), draw_sketch(without)).rows == 1.0


def test_two_one_hot_tables_of_one_size_are_not_the_same() -> None:
    def one_hot(seed: int) -> Task:
        rng = np.random.default_rng(seed)
        X = pd.DataFrame((rng.random((400, 30)) < 0.05).astype(float), columns=[f"w{i}" for i in range(30)])
        return tables.make_task(X, pd.Series(np.arange(400) % 2), TaskKind.BINARY)

    sketches = [draw_sketch(one_hot(seed)) for seed in range(8)]
    assert not any(likeness(*pair).is_near for pair in combinations(sketches, 2))


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        ("classification/sick", "classification/hypothyroid", True),
        ("classification/cars_origin", "regression/auto_mpg", True),
        ("regression/wine_quality_red", "regression/wine_quality_white", False),
        ("classification/balance_scale", "classification/car", False),
    ],
)
def test_public_tables_are_told_apart(corpus: Path, one: str, other: str, is_near: bool) -> None:
    found = [read_task(corpus / f"{name}.parquet", target="target") for name in (one, other)]
    assert near(*found) == is_near


def test_likeness_does_not_depend_on_the_order_of_the_two() -> None:
    one, other = draw_sketch(tables.wine()), draw_sketch(tables.half_of_rows(tables.wine()))
    assert likeness(one, other) == likeness(other, one)


def test_the_share_is_that_of_the_smaller_below_the_common_limit() -> None:
    large = sketch(rows=sample(1, 2, 3, 4, 5, 6, 7, 8, limit=10))
    small = sketch(rows=sample(1, 3, 5, 7, 8, 9, 20, 30))
    assert likeness(large, small) == Likeness(rows=5 / 6, numbers=None, pairs=None, columns=None)


def test_five_elements_must_be_shared_and_two_columns() -> None:
    four, five = sample(1, 2, 3, 4), sample(1, 2, 3, 4, 5)
    assert not likeness(sketch(pairs=four), sketch(pairs=five)).is_near
    assert likeness(sketch(pairs=five), sketch(pairs=five)).pairs == 1.0
    assert not likeness(sketch(columns=sample(1)), sketch(columns=four)).is_near
    assert likeness(sketch(columns=sample(1, 2)), sketch(columns=four)).columns == 1.0


def test_what_chance_gives_is_taken_off() -> None:
    twelve = tuple(range(1, 13))
    at_chance = sketch(rows=sample(*twelve, density=0.6))
    assert not likeness(at_chance, sketch(rows=sample(*twelve))).is_near
    assert not likeness(sketch(rows=sample(*twelve)), at_chance).is_near
    assert likeness(sketch(rows=sample(*twelve, density=0.4)), sketch(rows=sample(*twelve))).rows == 1.0


def test_half_of_the_smaller_must_be_shared() -> None:
    one = sketch(pairs=sample(*range(1, 13)))
    assert likeness(one, sketch(pairs=sample(*range(7, 19)))).pairs == 0.5
    assert not likeness(one, sketch(pairs=sample(*range(8, 20)))).is_near


def test_a_lineup_finds_what_a_comparison_with_each_finds() -> None:
    sketches = [draw_sketch(make()) for make in TABLES.values()]
    copies = [draw_sketch(tables.half_of_rows(make())) for make in TABLES.values()]
    lineup = Lineup([*sketches, *copies])
    for position, one in enumerate(sketches):
        found = lineup.find(one)
        assert list(found) == [position, position + len(sketches)]
        assert found[position + len(sketches)] == likeness(one, copies[position])


def test_nothing_is_found_among_none_or_by_an_empty_sketch() -> None:
    assert Lineup([]).find(draw_sketch(tables.wine())) == {}
    assert Lineup([sketch(), draw_sketch(tables.wine())]).find(sketch()) == {}


def test_likeness_says_what_is_shared() -> None:
    assert Likeness(rows=1.0, numbers=1.0, pairs=0.98, columns=None).words == "100 % of rows, 98 % of pairs of numbers"
    assert (
        Likeness(rows=None, numbers=0.7, pairs=None, columns=1.0).words == "70 % of rows of numbers, 100 % of columns"
    )
    assert Likeness(rows=None, numbers=None, pairs=None, columns=None).words == ""
