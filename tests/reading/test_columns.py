"""Columns: raw values of any dtype become the dtypes of a task."""

import decimal
from datetime import date, time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.errors import DataError
from autometa.reading import read_task
from autometa.reading.columns import MAX_CATEGORIES, MAX_CATEGORY_LENGTH, MISSING_MARKERS
from autometa.task import ColumnKind, Task


def _read(values: object, *, n_rows: int = 4) -> Task:
    """The task of a table with this one column, and a target beside it."""
    return read_task(pd.DataFrame({"column": values}), ["u", "v"] * (n_rows // 2))


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (pd.array([1, 2, 3, 4], dtype="Int16"), "int16", [1, 2, 3, 4]),
        (pd.array([1, None, 3, 4], dtype="Int16"), "float64", [1.0, None, 3.0, 4.0]),
        (pd.array([1.5, None, 3, 4], dtype="Float32"), "float64", [1.5, None, 3.0, 4.0]),
        (pd.array([True, False, True, True], dtype="boolean"), "bool", [True, False, True, True]),
        (pd.Series([1, None, 3, 4], dtype="int64[pyarrow]"), "float64", [1.0, None, 3.0, 4.0]),
        (pd.Series([True, None, False, True], dtype="bool[pyarrow]"), "category", ["True", None, "False", "True"]),
        (np.array([1, 2, 3, 4], dtype="float16"), "float64", [1.0, 2.0, 3.0, 4.0]),
        (pd.arrays.SparseArray([0, 0, 1, 2]), "int64", [0, 0, 1, 2]),
        ([1, 2.5, None, 3], "float64", [1.0, 2.5, None, 3.0]),
        ([decimal.Decimal("1.5"), None, decimal.Decimal(2), decimal.Decimal(3)], "float64", [1.5, None, 2.0, 3.0]),
        ([10**30, 1, 2, 3], "float64", [1e30, 1.0, 2.0, 3.0]),
        (["1", 2, None, "3.5"], "float64", [1.0, 2.0, None, 3.5]),
        (["true", "FALSE", "True", "true"], "bool", [True, False, True, True]),
        (["true", "?", "false", "true"], "category", ["True", None, "False", "True"]),
        (pd.to_timedelta([1, 2, None, 3], unit="min"), "float64", [60.0, 120.0, None, 180.0]),
        ([time(9, 30), time(10), None, time(9, 30)], "category", ["09:30:00", "10:00:00", None, "09:30:00"]),
    ],
)
def test_values_become_the_plain_dtype_that_holds_them(values: object, dtype: str, expected: list[object]) -> None:
    column = _read(values).X["column"]
    assert column.dtype == dtype
    assert column.astype(object).where(column.notna(), None).tolist() == expected


@pytest.mark.parametrize("marker", sorted(MISSING_MARKERS))
def test_a_missing_value_marker_is_missing_in_a_dataframe_too(marker: str) -> None:
    column = _read(["red", marker, f" {marker} ", "blue"]).X["column"]
    assert column.isna().tolist() == [False, True, True, False]
    assert column.cat.categories.tolist() == ["blue", "red"]


def test_none_as_a_word_is_a_value() -> None:
    assert _read(["None", "gravel", "None", "paved"]).X["column"].cat.categories.tolist() == ["None", "gravel", "paved"]


def test_strings_that_the_source_says_are_strings_stay_strings() -> None:
    column = _read(pd.Series(["01", "02", "01", "10"], dtype="str")).X["column"]
    assert column.cat.categories.tolist() == ["01", "02", "10"]


def test_values_of_several_types_become_strings_with_a_note() -> None:
    task = _read([1, "a", None, 2.5])
    assert task.X["column"].cat.categories.tolist() == ["1", "2.5", "a"]
    assert "values of several types read as strings: 'column'" in task.notes


@pytest.mark.parametrize(
    ("strings", "expected"),
    [
        (["2024-01-31", "2024-02-01", "", "2024-02-29"], pd.Timestamp(2024, 1, 31)),
        (["2024-01-31 10:30", "2024-02-01 00:00", "", "2024-02-29 23:59"], pd.Timestamp(2024, 1, 31, 10, 30)),
        (["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"] * 2, pd.Timestamp("2024-03-31T00:00Z")),
        (["01/31/2024", "02/01/2024", "", "02/29/2024"], pd.Timestamp(2024, 1, 31)),
        (["31/01/2024 08:00", "01/02/2024 08:00", "", "29/02/2024 08:00"], pd.Timestamp(2024, 1, 31, 8)),
        (["31.1.2024", "1.2.2024", "", "29.2.2024"], pd.Timestamp(2024, 1, 31)),
        (["Jan 31, 2024", "Feb 1, 2024", "", "Feb 29, 2024"], pd.Timestamp(2024, 1, 31)),
        ([date(2024, 1, 31), None, date(2024, 2, 1), date(2024, 2, 29)], pd.Timestamp(2024, 1, 31)),
    ],
)
def test_strings_that_are_all_dates_are_dates(strings: list[object], expected: pd.Timestamp) -> None:
    task = _read(strings)
    assert task.column_kinds["column"] is ColumnKind.DATETIME
    assert task.X["column"][0] == expected


@pytest.mark.parametrize("other", ["soon", "2024-13-45", "10.0.0.1"])
def test_one_string_that_is_no_date_makes_none_a_date(other: str) -> None:
    task = _read(["2024-01-31", "2024-02-01", other, "2024-02-29"])
    assert task.column_kinds["column"] is ColumnKind.CATEGORICAL


def test_few_strings_are_a_category_and_many_distinct_ones_are_text() -> None:
    n = 4 * MAX_CATEGORIES

    def kind(n_distinct: int, length: int = 10) -> ColumnKind:
        """The kind of a column with so many distinct strings of this length."""
        strings = [f"{i % n_distinct:0{length}d}x" for i in range(n)]
        return _read(strings, n_rows=n).column_kinds["column"]

    assert kind(MAX_CATEGORIES, length=1000) is ColumnKind.CATEGORICAL
    assert kind(n // 2) is ColumnKind.CATEGORICAL
    assert kind(n // 2, length=MAX_CATEGORY_LENGTH) is ColumnKind.TEXT
    assert kind(n // 2 + 1) is ColumnKind.TEXT


def test_a_category_keeps_its_order_and_loses_unused_labels() -> None:
    sizes = pd.Categorical(["low", "high", "low", "?"], categories=["low", "mid", "high", "?"], ordered=True)
    column = _read(sizes).X["column"]
    assert column.cat.categories.tolist() == ["low", "high"]
    assert column.cat.ordered
    assert column.isna().tolist() == [False, False, False, True]


def test_labels_of_a_category_stay_numbers_or_become_strings() -> None:
    numbers = _read(pd.Categorical([3, 1, 3, 1])).X["column"]
    assert numbers.cat.categories.tolist() == [1, 3]
    mixed = _read(pd.Categorical([1, "1", "b", "b"])).X["column"]
    assert mixed.tolist() == ["1", "1", "b", "b"]


def test_complex_numbers_are_refused_with_the_name_of_their_column() -> None:
    with pytest.raises(DataError, match="column 'column' holds complex numbers; give their parts"):
        _read([1 + 2j, 2, 3, 4])


def test_a_constant_column_with_missing_values_is_not_called_constant() -> None:
    assert not any("constant" in note for note in _read(["a", None, "a", None]).notes)
    table = pd.DataFrame({"flat": ["a", "a", "a", "a"], "other": [1, 2, 3, 4]})
    assert "constant, left out: 'flat'" in read_task(table, ["u", "v"] * 2).notes


def test_whole_numbers_beyond_the_digits_of_floats_are_not_called_constant(tmp_path: Path) -> None:
    rows = "\n".join(f"1234567890123456789{i % 9},{i},{'uv'[i % 2]}" for i in range(20))
    (tmp_path / "large.csv").write_text(f"large,a,y\n{rows}\n")
    notes = read_task(tmp_path / "large.csv").notes
    assert not any("constant" in note for note in notes)
    told = "alike in the 16 digits that are kept, left out; if the numbers differ, put a letter before each: 'large'"
    assert told in notes


@pytest.mark.parametrize(
    ("days", "is_told"),
    [
        (["01/02/2024", "03/04/2024", "", "12/12/2024"], True),
        (["01-02-2024 10:00", "03-04-2024 11:00", "", "12-12-2024 12:00"], True),
        (["01/02/2024", "03/14/2024", "", "12/12/2024"], False),
        (["13/02/2024", "03/04/2024", "", "12/12/2024"], False),
        (["01.02.2024", "03.04.2024", "", "12.12.2024"], False),
    ],
)
def test_dates_that_may_be_read_the_other_way_round_are_told(days: list[str], is_told: bool) -> None:
    told = "day and month may be the other way round; if they are, write the dates as 2023-12-31: 'column'"
    task = _read(days)
    assert task.column_kinds["column"] is ColumnKind.DATETIME
    assert (told in task.notes) is is_told
    assert task.date_orders["column"].count("month") == 1


@pytest.mark.parametrize(
    ("strings", "look"),
    [
        ([f"{i}.5 kg" for i in range(30)], "numbers with 'kg'; for numbers, leave out what is beside them"),
        ([f"{i}.5k" for i in range(30)], "numbers with 'k'; for numbers, leave out what is beside them"),
        ([*(f"${i}" for i in range(15)), *(f"€{i}" for i in range(15))], "numbers with '$', '€'; for numbers, leave"),
        ([f"${i}.234" for i in range(1, 31)], "numbers with '$'; for numbers, leave out what is beside them"),
        ([f"{i}.07.23" for i in range(1, 31)], "dates; for dates, write all of them as 2023-12-31"),
        ([f"2023-01-{i:02d}" for i in range(30)], "dates; for dates, write all of them as 2023-12-31"),
    ],
)
def test_what_looks_like_numbers_or_dates_and_is_neither_is_told(strings: list[str], look: str) -> None:
    task = _read([*strings, *strings, *strings], n_rows=90)
    assert task.column_kinds["column"] is ColumnKind.CATEGORICAL
    assert any(note.startswith(f"read as categories, but looks like {look}") for note in task.notes)
    assert any(note.startswith("read as text, but looks like") for note in _read(strings, n_rows=30).notes)


@pytest.mark.parametrize("strings", [["1st", "2nd", "3rd"], ["2D", "3D"], ["2013J", "2014J", "2013B"], ["10.0.0.1"]])
def test_codes_are_not_told_to_look_like_numbers(strings: list[str]) -> None:
    assert not any("looks like" in note for note in _read([*strings, "x", "y"] * 2, n_rows=2 * len(strings) + 4).notes)
