"""What a sketch depends on, and what not."""

import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.reading import read_task
from autometa.sketches import draw_sketch
from autometa.sketches.cells import read_column
from autometa.sketches.sketch import COMPLETE, VIEWS, Sketch
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.sketches import tables

PINNED = "415a5841ac882ecca53fec8353a76c21e804bd571dec3e5aaf20eb4185dffdbe"


def contents(sketch: Sketch) -> list[tuple[list[int], int]]:
    """Return hashes and limits of all samples."""
    return [(getattr(sketch, name).hashes.tolist(), getattr(sketch, name).limit) for name in VIEWS]


def column_hashes(values: object, dtype: object = None) -> list[int]:
    """Return the hashes of the cells of a column."""
    return read_column(pd.Series(values, dtype=dtype)).hashes.tolist()  # type: ignore[call-overload, no-any-return]


def test_the_sketch_of_a_table_is_pinned() -> None:
    task = tables.cancer()
    words = pd.Categorical(np.where(task.X["mean area"] > 600, "large", "small"))
    mixed = tables.make_task(task.X.assign(size=words), task.y, task.kind)
    digest = sha256(draw_sketch(mixed).to_bytes()).hexdigest()
    assert digest == PINNED, "a change of sketches needs another SKETCH_VERSION"


def test_another_process_draws_the_same_sketch() -> None:
    code = "from tests.sketches import tables; from autometa.sketches import draw_sketch; "
    code += "print(draw_sketch(tables.customers()).to_bytes().hex())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == draw_sketch(tables.customers()).to_bytes().hex()


@pytest.mark.parametrize("make", [tables.cancer, tables.customers, tables.categories, tables.survey])
def test_names_and_the_order_of_rows_and_columns_are_not_in_it(make: Callable[[], Task]) -> None:
    task = make()
    sketch, other = draw_sketch(task), draw_sketch(tables.renamed(tables.shuffled(task)))
    assert contents(sketch) == contents(other)
    for name in VIEWS:  # an estimate: from other rows, by chance
        assert getattr(sketch, name).density == pytest.approx(getattr(other, name).density, abs=0.15)


def test_the_file_format_is_not_in_it(tmp_path: Path) -> None:
    task = tables.customers()
    frame = task.X.assign(y=task.y)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    one, other = (read_task(tmp_path / name) for name in ("a.csv", "a.parquet"))
    assert contents(draw_sketch(one)) == contents(draw_sketch(other))


def test_numbers_of_any_width_and_text_that_is_a_number_have_the_same_hash() -> None:
    expected = column_hashes([1.0, 2.0, 0.0, np.nan, 2.5])
    assert column_hashes([1.0, 2.0, -0.0, np.nan, 2.5], "float32") == expected
    assert column_hashes(["1", "2.0", "0", None, "2.50"], "category") == expected
    assert column_hashes(["1", "2", "0", None, "2.5"], "str") == expected
    assert column_hashes([1, 2, 0]) == expected[:3]
    assert column_hashes([True, False]) == [expected[0], expected[2]]
    assert len(set(expected)) == 5


def test_labels_and_dates_have_hashes_too() -> None:
    labels = pd.Index(["a", "b", "nan", "caf\udce9"], dtype=object)
    assert len(set(column_hashes(pd.Categorical.from_codes([0, 1, 2, 3, -1], labels)))) == 5
    dates = ["2020-01-01", "2021-01-01", None]
    assert column_hashes(dates, "datetime64[ns]") == column_hashes(dates, "datetime64[s]")
    assert column_hashes(dates, "datetime64[ns]") == column_hashes(dates, "datetime64[ns, UTC]")


def test_numbers_alike_to_five_digits_have_one_hash_and_others_do_not() -> None:
    assert column_hashes([3.1415926]) == column_hashes([3.14159])
    assert column_hashes([3.1416]) != column_hashes([3.1411])
    assert column_hashes([1e300, -1e300, np.inf]) == column_hashes([np.inf, -np.inf, np.inf])


def test_a_target_beyond_single_precision_is_no_error() -> None:
    y = pd.Series(np.where(np.arange(50) < 30, 1e300, np.arange(50.0)))
    task = tables.make_task(pd.DataFrame({"a": np.arange(50.0) ** 2, "b": np.arange(50) % 3}), y, TaskKind.REGRESSION)
    assert len(draw_sketch(task).rows.hashes) == 50


def test_a_small_table_is_held_whole() -> None:
    sketch = draw_sketch(tables.take(tables.cancer(), slice(60)))
    assert sketch.rows.limit == COMPLETE
    assert len(sketch.rows.hashes) == 60


def test_few_different_rows_have_a_high_density_and_many_a_low_one() -> None:
    assert draw_sketch(tables.survey(n_columns=3)).rows.density > 0.8
    assert draw_sketch(tables.cancer()).rows.density == 0.0


def test_round_numbers_make_no_pairs() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({name: rng.integers(0, 100, 300) / 10 for name in "abc"})
    task = tables.make_task(X, pd.Series(np.arange(300) % 2), TaskKind.BINARY)
    assert len(draw_sketch(task).pairs.hashes) == 0
    finer = tables.make_task(X + 0.01, task.y, TaskKind.BINARY)
    assert len(draw_sketch(finer).pairs.hashes) > 100


@pytest.mark.parametrize(
    "values",
    [
        {"constant": np.zeros(50), "missing": np.full(50, np.nan)},
        {"one": np.arange(50.0)},
        {"label": pd.Categorical(["a", None] * 25)},
        {f"x{i}": np.arange(50.0) * i for i in range(300)},
    ],
    ids=["constant", "one column", "labels", "wide"],
)
@pytest.mark.parametrize("kind", [TaskKind.BINARY, TaskKind.REGRESSION])
def test_every_task_has_a_sketch(values: dict[str, object], kind: TaskKind) -> None:
    target = np.arange(50) % 2 if kind is TaskKind.BINARY else np.arange(50) / 7
    task = tables.make_task(pd.DataFrame(values), pd.Series(target), kind)
    assert contents(Sketch.from_bytes(draw_sketch(task).to_bytes())) == contents(draw_sketch(task))


def test_a_long_table_and_a_part_of_it_are_sampled_alike() -> None:
    """Of a table with more than 2,000,000 numbers, only cells with small hashes are paired."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(150_000, 20)), columns=[f"x{i}" for i in range(20)])
    task = tables.make_task(X, pd.Series(np.arange(len(X)) % 2), TaskKind.BINARY)
    whole, part = draw_sketch(task).pairs, draw_sketch(tables.take(task, slice(20_000), slice(0, 12))).pairs
    common = min(whole.limit, part.limit)
    shared = set(part.hashes[part.hashes < common].tolist())
    assert len(shared) >= 5
    assert shared <= set(whole.hashes.tolist())
