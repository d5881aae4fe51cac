"""Tasks: what is refused, what the fingerprint sees and what it does not, and that nothing is changed."""

import datetime
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from autometa.errors import DataError, OptionError
from autometa.task import ColumnKind, Task, column_kind
from autometa.task_kind import TaskKind

NAN = float("nan")


def make_task(X: pd.DataFrame, y: Any = None, kind: TaskKind = TaskKind.BINARY, **options: Any) -> Task:
    """Return a task; without a target, its rows are of two classes in turn."""
    y = pd.Series(np.arange(len(X)) % 2) if y is None else y
    return Task(name="t", X=X, y=y, kind=kind, **{"target": "y", **options})


def fingerprint(*values: Any, dtype: Any = None) -> str:
    """Return the fingerprint of a task with one column of these values."""
    return make_task(pd.DataFrame({"a": pd.Series(list(values), dtype=dtype)})).fingerprint


def dates(*texts: str | None) -> pd.DatetimeIndex:
    """Return dates without timezone."""
    return pd.to_datetime(pd.Index(texts, dtype="str"), format="ISO8601")


def small_table() -> pd.DataFrame:
    """Return four rows with every kind of column, and missing values where a kind can have them."""
    return pd.DataFrame(
        {
            "width": [1.5, NAN, -2.0, 1e300],
            "count": np.array([3, 1, 2, 2**40], dtype=np.int64),
            "is_new": [True, False, False, True],
            "colour": pd.Categorical(["red", "blue", None, "red"]),
            "sold": dates("2020-01-02", "1999-12-31 23:59:59.5", None, "2020-01-02"),
            "remark": pd.Series(["", "naïve", None, "b c"], dtype="str"),
        }
    )


# --- pinned -----------------------------------------------------------------------------------------------------------


def test_the_fingerprint_of_a_table_of_numbers_is_pinned() -> None:
    X = pd.DataFrame({"b": [1, 2, 3], "a": [0.5, NAN, -0.0]})
    task = make_task(X, pd.Series([1.0, 2.0, 4.0]), TaskKind.REGRESSION)
    assert task.fingerprint == "8ccb028bdef1ff2d644b0a3836159fdd55080d05cbbfc868eacf0701499b1663"


def test_the_fingerprint_of_a_table_of_all_kinds_is_pinned() -> None:
    task = make_task(small_table(), pd.Series(["no", "yes", "no", "yes"], dtype="str"))
    assert task.fingerprint == "efdfaf7d1af05530aa806323f24afc3f4ffd7dcbb28cc8d89cbcdaa9ae771dbc"


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_second_process_finds_the_same_fingerprint(hash_seed: str) -> None:
    script = "from tests.test_task import make_task, small_table; print(make_task(small_table()).fingerprint)"
    output = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    assert output.stdout.strip() == make_task(small_table()).fingerprint


# --- what the fingerprint does not see --------------------------------------------------------------------------------


def test_the_order_of_columns_does_not_matter() -> None:
    X = small_table()
    assert make_task(X).fingerprint == make_task(X[X.columns[::-1]]).fingerprint


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint8", "uint64", "float32", "float64", "category"])
def test_the_width_of_whole_numbers_does_not_matter(dtype: str) -> None:
    assert fingerprint(3, 1, 2, 1, dtype=dtype) == fingerprint(3, 1, 2, 1, dtype="int64")


@pytest.mark.parametrize("values", [(1.5, 2.25, 1.5), (0.1, 0.2, 0.30000000000000004), (1e-300, NAN, 5.0)])
def test_numbers_read_as_strings_or_categories_are_the_same_numbers(values: tuple[float, ...]) -> None:
    texts = [None if np.isnan(value) else repr(value) for value in values]
    assert fingerprint(*values) == fingerprint(*values, dtype="category") == fingerprint(*texts, dtype="str")


@pytest.mark.parametrize("dtype", ["str", "category", pd.StringDtype("python"), pd.StringDtype("pyarrow")])
def test_strings_are_the_same_in_every_dtype(dtype: Any) -> None:
    values = ("b", "a", None, "é")
    assert fingerprint(*values, dtype=dtype) == fingerprint(*values, dtype=pd.StringDtype("python", na_value=np.nan))


def test_order_and_spare_categories_do_not_matter() -> None:
    other = pd.CategoricalDtype(["z", "b", "a", "y"], ordered=True)
    assert fingerprint("a", "b", "a", dtype=other) == fingerprint("a", "b", "a", dtype="category")


def test_booleans_are_the_same_as_categories() -> None:
    assert fingerprint(True, False, True) == fingerprint(True, False, True, dtype="category")


def test_zero_has_one_sign_and_missing_has_one_pattern() -> None:
    other_nan = np.frombuffer(np.uint64(0xFFF8000000000001).tobytes(), dtype=float)[0]
    assert fingerprint(0.0, 1.0, NAN) == fingerprint(-0.0, 1.0, other_nan)
    assert fingerprint("-0.0", "1", None, dtype="str") == fingerprint(0.0, 1.0, NAN)


@pytest.mark.parametrize("dtype", ["str", "category", "datetime64[ns]", "datetime64[us, UTC]", "float32"])
def test_a_column_of_nothing_but_missing_values_is_the_same_in_every_dtype(dtype: str) -> None:
    assert fingerprint(None, None, None, dtype=dtype) == fingerprint(NAN, NAN, NAN)


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
def test_the_unit_of_dates_does_not_matter(unit: Literal["s", "ms", "ns"]) -> None:
    moments = dates("2020-01-02 03:04:05", None, "1999-12-31")
    one, other = (make_task(pd.DataFrame({"a": index})) for index in (moments.as_unit("us"), moments.as_unit(unit)))
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize("year", ["0800", "1677", "2300", "9999"])
def test_dates_far_away_have_a_fingerprint(year: str) -> None:
    far = pd.Series(np.array([f"{year}-01-01", "2020-01-01"], dtype="datetime64[s]"))
    near = pd.Series(np.array(["2020-01-01", "2020-01-01"], dtype="datetime64[s]"))
    assert make_task(pd.DataFrame({"a": far})).fingerprint != make_task(pd.DataFrame({"a": near})).fingerprint


def test_a_moment_is_the_same_in_every_timezone() -> None:
    moments = pd.Series(dates("2020-07-01 12:00", None, "2020-01-01 12:00").tz_localize("UTC"))
    tokyo = moments.dt.tz_convert("Asia/Tokyo")
    shifted = moments.dt.tz_localize(None).dt.tz_localize("Asia/Tokyo")
    one, same, other = (make_task(pd.DataFrame({"a": a})).fingerprint for a in (moments, tokyo, shifted))
    assert one == same != other


def test_names_of_task_target_and_family_and_the_index_do_not_matter() -> None:
    X = small_table()
    y = pd.Series([0, 1, 0, 1])
    other = Task(
        name="other",
        X=X.set_index(pd.Index(list("wxyz"))),
        y=y.set_axis(pd.Index([9, 9, 9, 9])).rename("label"),
        kind=TaskKind.BINARY,
        target="label",
        family="relatives",
        notes=("a note",),
        licence="CC0",
    )
    assert other.fingerprint == make_task(X, y).fingerprint


def test_parquet_changes_nothing() -> None:
    X, file = small_table(), io.BytesIO()
    X.to_parquet(file)
    assert make_task(pd.read_parquet(file)).fingerprint == make_task(X).fingerprint


def test_csv_changes_nothing_but_what_it_cannot_say() -> None:
    X = small_table().assign(remark=pd.Series(["x, y", 'naïve "', None, "b\nc"], dtype="str"))
    read = pd.read_csv(io.StringIO(X.to_csv(index=False)), parse_dates=["sold"], date_format="ISO8601")
    assert make_task(read).fingerprint == make_task(X).fingerprint


# --- what the fingerprint sees ----------------------------------------------------------------------------------------

CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "a number": lambda X: X.assign(width=[1.5000000000000002, NAN, -2.0, 1e300]),
    "a number instead of nothing": lambda X: X.assign(width=[1.5, 0.0, -2.0, 1e300]),
    "nothing instead of a number": lambda X: X.assign(width=[1.5, NAN, NAN, 1e300]),
    "a whole number": lambda X: X.assign(count=[3, 1, 2, 2**40 + 1]),
    "a boolean": lambda X: X.assign(is_new=[True, False, True, True]),
    "a category": lambda X: X.assign(colour=pd.Categorical(["red", "red", None, "red"])),
    "a renamed category": lambda X: X.assign(colour=X["colour"].cat.rename_categories({"red": "Red"})),
    "exchanged categories": lambda X: X.assign(
        colour=X["colour"].cat.rename_categories({"red": "blue", "blue": "red"})
    ),
    "a category instead of nothing": lambda X: X.assign(colour=pd.Categorical(["red", "blue", "", "red"])),
    "a date": lambda X: X.assign(sold=dates("2020-01-02", "1999-12-31 23:59:59.6", None, "2020-01-02")),
    "a text": lambda X: X.assign(remark=pd.Series(["", "naive", None, "b c"], dtype="str")),
    "an empty text": lambda X: X.assign(remark=pd.Series([None, "naïve", None, "b c"], dtype="str")),
    "a column's name": lambda X: X.rename(columns={"width": "Width"}),
    "exchanged names": lambda X: X.rename(columns={"width": "count", "count": "width"}),
    "one column less": lambda X: X.drop(columns="count"),
    "one column more": lambda X: X.assign(copy=X["count"]),
    "the order of rows": lambda X: X.iloc[[1, 0, 2, 3]],
    "one row less": lambda X: X.iloc[:3],
    "a row twice": lambda X: X.iloc[[0, 1, 2, 3, 3]],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_the_table_changes_the_fingerprint(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    X = small_table()
    assert make_task(change(X)).fingerprint != make_task(X).fingerprint


def test_every_cell_counts() -> None:
    values = np.arange(12.0)
    seen = set()
    for changed in (values, *(values + 0.5 * np.eye(12))):
        seen.add(make_task(pd.DataFrame(changed.reshape(4, 3), columns=["a", "b", "c"])).fingerprint)
    assert len(seen) == 13


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("1_11", "11_1", "2"), ("11_1", "1_11", "2")),  # Python reads 1_11 as 111; no file format does
        (("1_0", "2", "3"), ("10", "2", "3")),
        (("٣", "2", "1"), ("3", "2", "1")),  # nor an Arabic digit
        (("ab", "c", "c"), ("a", "bc", "bc")),
        (("1", "2", "x"), ("1.0", "2", "x")),
    ],
)
def test_texts_that_differ_stay_apart(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert fingerprint(*one, dtype="str") != fingerprint(*other, dtype="str")


def test_the_target_counts() -> None:
    X = small_table()
    targets = ([0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 0, 1], [0, 2, 0, 2])
    assert len({make_task(X, pd.Series(y)).fingerprint for y in targets}) == 4


def test_the_same_numbers_as_classes_or_as_amounts_are_two_tasks() -> None:
    X, y = small_table(), pd.Series([0, 1, 2, 2])
    one, other = (make_task(X, y, kind).fingerprint for kind in (TaskKind.MULTICLASS, TaskKind.REGRESSION))
    assert one != other


def test_classes_are_the_same_as_numbers_strings_or_categories() -> None:
    X, y = small_table(), pd.Series([0, 1, 0, 1])
    assert len({make_task(X, y.astype(dtype)).fingerprint for dtype in ("int8", "float", "category", "str")}) == 1


def test_a_column_moved_into_the_target_is_another_task() -> None:
    X = pd.DataFrame({"a": [0, 1, 0, 1], "b": [1, 1, 0, 0]})
    assert make_task(X[["a"]], X["b"]).fingerprint != make_task(X[["b"]], X["a"]).fingerprint


def test_a_sample_bears_the_fingerprint_of_the_full_table() -> None:
    task = make_task(small_table(), full_fingerprint="of the full table")
    assert task.fingerprint == task.family == "of the full table"


# --- what is refused --------------------------------------------------------------------------------------------------

TABLE = pd.DataFrame({"a": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame(index=range(3)), "needs rows and columns, got a table of 3 x 0"),
        (TABLE.iloc[:0], "needs rows and columns, got a table of 0 x 1"),
        (pd.DataFrame({0: [1, 2, 3]}), r"column names must be strings, got \[0\]"),
        (pd.DataFrame([[1, 2]] * 3, columns=["a", "a"]), "column names must be unique; repeated: a"),
        (pd.DataFrame({"a": pd.Series([1, "x", None], dtype=object)}), "dtype 'object'"),
        (pd.DataFrame({"a": pd.to_timedelta([1, 2, 3], unit="D")}), "dtype 'timedelta64"),
        (pd.DataFrame({"a": [1j, 2j, 3j]}), "dtype 'complex128'"),
        (pd.DataFrame({"a": pd.period_range("2020", periods=3, freq="Y")}), "dtype 'period"),
        (pd.DataFrame({"a": pd.Series([1, 2, None], dtype="Int64")}), "dtype 'Int64'.*read_task"),
        (pd.DataFrame({"a": pd.Series([True, None, False], dtype="boolean")}), "dtype 'boolean'.*read_task"),
        (pd.DataFrame({"a": pd.Series([1, 2, 3], dtype="int64[pyarrow]")}), "dtype 'int64.pyarrow.'.*read_task"),
    ],
)
def test_a_table_that_breaks_the_rules_is_refused(X: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Task(name="t", X=X, y=pd.Series([0, 1, 0][: len(X)]), kind=TaskKind.BINARY, target="y")


@pytest.mark.parametrize("family", ["", "given"])
@pytest.mark.parametrize(
    ("y", "kind", "message"),
    [
        ([0, 1], TaskKind.BINARY, "the target has 2 values for 3 rows"),
        ([0.0, 1.0, NAN], TaskKind.BINARY, "the target 'y' has 1 missing values"),
        (["a", None, "b"], TaskKind.BINARY, "the target 'y' has 1 missing values"),
        ([NAN, NAN, NAN], TaskKind.BINARY, "the target 'y' has 3 missing values"),
        ([7, 7, 7], TaskKind.BINARY, r"the target 'y' is constant \(.*7.*\)"),
        ([7.0, 7.0, 7.0], TaskKind.REGRESSION, "the target 'y' is constant"),
        ([0, 1, 2], TaskKind.BINARY, "has 3 classes, which is not a binary task"),
        ([0, 1, 1], TaskKind.MULTICLASS, "has 2 classes, which is not a multiclass task"),
        (["a", "b", "c"], TaskKind.REGRESSION, "must hold finite numbers, not str"),
        ([True, False, True], TaskKind.REGRESSION, "must hold finite numbers, not bool"),
        ([1.0, float("inf"), 2.0], TaskKind.REGRESSION, "must hold finite numbers"),
        (pd.Series(["a", "b", "a"], dtype=object), TaskKind.BINARY, "dtype 'object'"),
        (pd.Series([1, 2, 1], dtype="Int64"), TaskKind.BINARY, "dtype 'Int64'"),
    ],
)
def test_a_target_that_breaks_the_rules_is_refused(y: Any, kind: TaskKind, message: str, family: str) -> None:
    with pytest.raises(DataError, match=message):
        make_task(TABLE, pd.Series(y), kind, family=family)


@pytest.mark.parametrize("y", [[0, 1, 0], [0, 1, 2]])
def test_an_unknown_kind_is_refused(y: list[int]) -> None:
    with pytest.raises(OptionError, match="no kind 'ranking'; choose one of: binary, multiclass, regression"):
        Task(name="t", X=TABLE, y=pd.Series(y), kind="ranking", target="y")  # type: ignore[arg-type] # what is refused


# --- what holds -------------------------------------------------------------------------------------------------------


def test_kinds_of_columns_follow_from_their_dtypes() -> None:
    assert make_task(small_table()).column_kinds == {
        "width": ColumnKind.NUMERIC,
        "count": ColumnKind.NUMERIC,
        "is_new": ColumnKind.BOOLEAN,
        "colour": ColumnKind.CATEGORICAL,
        "sold": ColumnKind.DATETIME,
        "remark": ColumnKind.TEXT,
    }
    assert column_kind(pd.DatetimeTZDtype(tz=datetime.UTC)) is ColumnKind.DATETIME


def test_size_kind_and_family_have_their_defaults() -> None:
    task = Task(name="t", X=TABLE, y=pd.Series([0, 1, 0]), kind="binary", target="y")  # type: ignore[arg-type] # a str
    assert (task.n_rows, task.n_columns) == (3, 1)
    assert task.kind is TaskKind.BINARY
    assert task.family == task.fingerprint
    assert make_task(TABLE, family="mine").family == "mine"


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (pd.Series(["b", "a", "b"], dtype="str"), ("a", "b")),
        (pd.Series([10, 9, 10]), (9, 10)),
        (pd.Series([True, False, True]), (False, True)),
        (pd.Series(pd.Categorical(["b", "a", "b"], categories=["c", "b", "a"])), ("a", "b")),
    ],
)
def test_classes_are_sorted_and_only_those_that_occur(y: pd.Series, classes: tuple[object, ...]) -> None:
    assert make_task(TABLE, y).classes == classes


def test_a_regression_has_no_classes() -> None:
    assert make_task(TABLE, pd.Series([1.0, 2.0, 3.0]), TaskKind.REGRESSION).classes == ()


def test_a_task_leaves_its_inputs_as_they_were() -> None:
    X, y = small_table(), pd.Series(["no", "yes", "no", "yes"], dtype="str")
    X_before, y_before = X.copy(deep=True), y.copy(deep=True)
    task = make_task(X, y)
    assert task.fingerprint
    assert task.classes == ("no", "yes")
    pd.testing.assert_frame_equal(X, X_before)
    pd.testing.assert_series_equal(y, y_before)


def test_a_task_does_not_change_when_its_inputs_do() -> None:
    X, y = small_table(), pd.Series([0, 1, 0, 1])
    task = make_task(X, y, family="given")
    X.loc[0, "width"] = 99.0
    X["more"] = 1
    y.iloc[0] = 1
    assert task.fingerprint == make_task(small_table(), pd.Series([0, 1, 0, 1])).fingerprint
    assert task.n_columns == 6


def test_a_task_survives_pickling() -> None:
    task = make_task(small_table())
    copy = pickle.loads(pickle.dumps(task))
    pd.testing.assert_frame_equal(copy.X, task.X)
    assert copy.fingerprint == task.fingerprint
    assert copy.kind is TaskKind.BINARY


# --- identifiers ------------------------------------------------------------------------------------------------------


def test_identifiers_are_a_kind_of_their_own_and_no_columns_to_predict_from() -> None:
    task = make_task(small_table(), identifiers=("remark", "count"))
    plain = make_task(small_table())
    assert task.column_kinds == plain.column_kinds | dict.fromkeys(("remark", "count"), ColumnKind.IDENTIFIER)
    assert list(task.column_kinds) == list(task.X.columns) == list(plain.X.columns)
    assert task.used_columns == ("width", "is_new", "colour", "sold")
    assert (task.n_columns, plain.n_columns) == (4, 6)


def test_the_fingerprint_is_over_all_columns() -> None:
    assert make_task(small_table(), identifiers=("remark",)).fingerprint == make_task(small_table()).fingerprint


@pytest.mark.parametrize(
    ("identifiers", "message"),
    [
        (("nothing",), "identifiers must be distinct columns of the table"),
        (("a", "a"), "identifiers must be distinct columns of the table"),
        (("a", "b"), "all 2 columns are identifiers"),
    ],
)
def test_identifiers_are_distinct_columns_and_not_all(identifiers: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_task(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), identifiers=identifiers)
