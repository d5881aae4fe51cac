"""The target: found by name or position, its kind inferred, refused where nothing can be learned."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.errors import DataError
from autometa.reading import read_task
from autometa.task import Task
from autometa.task_kind import TaskKind

REMEDY = "; if these are counts or amounts, ask for regression (--task regression, kind='regression')"
TABLE = pd.DataFrame({"size": [1, 2, 2, 1], "7": [1, 1, 2, 2], "price": [0, 1, 1, 0]})


def _read(values: object, kind: str | None = None) -> Task:
    """The task of predicting these values."""
    y = pd.Series(values, name="y")
    return read_task(pd.DataFrame({"a": np.arange(len(y)) * 1.5}), y, kind=kind)


@pytest.mark.parametrize(
    ("target", "name"),
    [("price", "price"), (0, "size"), (-1, "price"), ("1", "7"), ("-3", "size"), ("7", "7")],
)
def test_a_target_is_named_or_counted_and_a_name_goes_before_a_position(target: str | int, name: str) -> None:
    assert read_task(TABLE, target=target).target == name


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("Price ", "there is no column 'Price '; did you mean 'price'?"),
        ("prices", "there is no column 'prices'; did you mean 'price'?"),
        ("colour", "there is no column 'colour'; the columns are 'size', '7', 'price'"),
        (3, "there is no column 3; the table has columns 0 to 2"),
        ("-4", "there is no column -4; the table has columns 0 to 2"),
    ],
)
def test_a_target_that_is_not_there_is_refused_with_the_closest_names(target: str | int, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_task(TABLE, target=target)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        (["u", "v"] * 5, "binary", "binary, since 'y' has 2 classes"),
        (["u", "v", "w"] * 5, "multiclass", "multiclass, since 'y' has 3 classes"),
        ([True, False] * 5, "binary", "binary, since 'y' has 2 classes"),
        (pd.Categorical([1, 2, 3] * 5), "multiclass", "multiclass, since 'y' has 3 classes"),
        ([0.0, 1.0] * 5, "binary", "binary, since 'y' has 2 distinct whole numbers in 10 rows"),
        ([0.5, 1.5] * 5, "regression", "regression, since 'y' has 2 distinct numbers in 10 rows"),
        (list(range(3)) * 20, "multiclass", f"multiclass, since 'y' has 3 distinct whole numbers in 60 rows{REMEDY}"),
        (list(range(3)) * 19, "regression", "regression, since 'y' has 3 distinct whole numbers in 57 rows"),
        (
            list(range(20)) * 20,
            "multiclass",
            f"multiclass, since 'y' has 20 distinct whole numbers in 400 rows{REMEDY}",
        ),
        (list(range(21)) * 50, "regression", "regression, since 'y' has 21 distinct whole numbers in 1,050 rows"),
    ],
)
def test_the_kind_follows_from_the_values_and_is_said(values: object, kind: str, reason: str) -> None:
    task = _read(values)
    assert task.kind == kind
    assert task.notes == (reason,)


@pytest.mark.parametrize(
    ("values", "asked", "kind", "labels"),
    [
        ([0, 1] * 5, "regression", "regression", [0, 1]),
        ([True, False] * 5, "regression", "regression", [1, 0]),
        (pd.Categorical([3, 1] * 5), "regression", "regression", [3, 1]),
        (["1.5", "2"] * 5, "regression", "regression", [1.5, 2.0]),
        ([5, 6, 7] * 5, "multiclass", "multiclass", [5, 6]),
        ([5, 6, 7] * 5, "classification", "multiclass", [5, 6]),
        ([5, 6] * 5, "classification", "binary", [5, 6]),
        ([0.5, 1.5] * 5, "binary", "binary", ["0.5", "1.5"]),
    ],
)
def test_the_kind_can_be_asked_for(values: object, asked: str, kind: str, labels: list[object]) -> None:
    task = _read(values, kind=asked)
    assert task.kind == kind
    assert task.y.tolist()[:2] == labels
    assert task.notes[0].startswith(f"{kind}, as asked for; 'y' has ")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["u", "v"] * 5, "str"),
        (pd.Categorical(["u", "v"] * 5), "str"),
        (pd.Categorical([4, 2] * 5), "int64"),
        (np.array([0, 1] * 5, dtype="uint8"), "int64"),
        ([1.0, 2.0] * 5, "int64"),
        (pd.array([True, False] * 5, dtype="boolean"), "bool"),
        (np.linspace(0, 1, 10, dtype="float32"), "float64"),
        (np.arange(10, dtype="int16"), "int64"),
    ],
)
def test_labels_are_strings_integers_or_booleans_and_numbers_are_64_bits_wide(values: object, dtype: str) -> None:
    assert _read(values).y.dtype == dtype


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (["u"] * 6, None, "the target 'y' is constant ('u'); name a column that varies"),
        ([3] * 6, "regression", "the target 'y' is constant (3); name a column that varies"),
        ([None, "?", "NA"], None, "all values of the target 'y' are missing; name another column"),
        (
            ["a", "b", "c", "d"],
            None,
            "the target 'y' has another value in each of its 4 rows, as an identifier has; "
            "name a column whose values repeat",
        ),
        (
            ["a", "a", "a", "b", "c"],
            None,
            "two classes with 2 rows or more are needed, and the target 'y' has 1 such of 3; "
            "give more rows, or name another column",
        ),
        ([1, 2, 3] * 5, "binary", "the target 'y' has 3 classes, so it is no binary task; ask for multiclass"),
        ([1, 2] * 5, "multiclass", "the target 'y' has 2 classes, so it is no multiclass task; ask for binary"),
        (
            ["red", "blue"] * 5,
            "regression",
            "the target 'y' holds strings such as 'red', so it is no regression; "
            "ask for classification, or name another column",
        ),
        (
            [f"{i} kg" for i in range(10, 32)] * 2,
            None,
            "the target 'y' looks like numbers with 'kg', such as '10 kg'; "
            "leave out what is beside the numbers, or ask for classification",
        ),
        (
            [f"{i} kg" for i in range(10, 32)] * 2,
            "regression",
            "the target 'y' holds strings such as '10 kg', so it is no regression; "
            "leave out what is beside the numbers, or name another column",
        ),
        (
            pd.date_range("2024-01-01", periods=5),
            None,
            "the target 'y' holds dates; turn them into numbers, such as days since a start",
        ),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(values: object, kind: str | None, message: str) -> None:
    with pytest.raises(DataError) as caught:
        _read(values, kind=kind)
    assert str(caught.value) == message


WHOLE = np.arange(60) % 3 + 1


@pytest.mark.parametrize(
    "values",
    [
        WHOLE.astype("float64"),
        WHOLE.astype("int8"),
        pd.array(WHOLE, dtype="Int64"),
        pd.Series(WHOLE.astype(float), dtype=object),
        pd.Categorical(WHOLE),
        pd.Categorical(WHOLE, ordered=True),
        pd.Categorical(WHOLE.astype(float), categories=[3.0, 1.0, 2.0], ordered=True),
    ],
    ids=["floats", "narrow", "nullable", "objects", "category", "ordered", "ordered floats"],
)
def test_whole_numbers_are_the_same_classes_in_every_dtype(values: object) -> None:
    task, expected = _read(values), _read(WHOLE)
    assert (task.kind, task.classes, str(task.y.dtype)) == (TaskKind.MULTICLASS, (1, 2, 3), "int64")
    assert task.fingerprint == expected.fingerprint


def test_whole_numbers_are_the_same_classes_in_every_file(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": np.arange(60) * 1.5, "y": WHOLE})
    expected = read_task(table)
    as_floats = table.astype({"y": "float64"})
    as_floats.to_csv(tmp_path / "a.csv", index=False)
    as_floats.to_csv(tmp_path / "b.tsv", index=False, sep="\t", float_format="%.3f")
    as_floats.to_csv(tmp_path / "c.csv", index=False, sep=";", decimal=",")
    as_floats.to_parquet(tmp_path / "d.parquet")
    as_floats.to_feather(tmp_path / "e.feather")
    as_floats.to_json(tmp_path / "f.jsonl", orient="records", lines=True)
    rows = as_floats.to_csv(index=False, header=False)
    (tmp_path / "g.arff").write_text(f"@relation r\n@attribute a real\n@attribute y real\n@data\n{rows}")
    for path in sorted(tmp_path.iterdir()):
        task = read_task(path)
        assert (task.kind, task.classes, str(task.y.dtype)) == (TaskKind.MULTICLASS, (1, 2, 3), "int64"), path.name
        assert task.fingerprint == expected.fingerprint, path.name


def test_an_ordered_category_is_a_target_by_its_labels() -> None:
    sizes = pd.Categorical(["low", "high", "mid"] * 5, categories=["low", "mid", "high"], ordered=True)
    task = _read(sizes)
    assert (task.kind, task.classes, str(task.y.dtype)) == (TaskKind.MULTICLASS, ("high", "low", "mid"), "str")


def test_classes_with_one_row_are_accepted_beside_two_that_have_more() -> None:
    task = _read(["a", "a", "b", "b", "c"])
    assert task.kind is TaskKind.MULTICLASS
    assert task.classes == ("a", "b", "c")


def test_many_strings_with_a_unit_are_classes_if_these_are_asked_for() -> None:
    assert len(_read([f"{i} kg" for i in range(10, 32)] * 2, kind="classification").classes) == 22


def test_a_target_of_styled_numbers_is_a_regression_of_those_that_are_there() -> None:
    prices = [f"${1000 + 7 * i:,}.50" for i in range(30)] + ["n.a.", "-"]
    for kind in (None, "regression"):
        task = _read(prices, kind=kind)
        assert task.kind is TaskKind.REGRESSION
        assert task.y.tolist() == [1000.5 + 7 * i for i in range(30)]
        assert "strings read as numbers, '$1,000.50' as 1000.50: 'y'" in task.notes
        assert "left out, for the target 'y' is missing or infinite: 2 rows" in task.notes


def test_a_target_of_styled_numbers_keeps_its_strings_where_they_are_classes() -> None:
    assert _read(["5%", "10%", "20%"] * 30).classes == ("10%", "20%", "5%")
    assert len(_read([f"{i % 30}%" for i in range(90)], kind="classification").classes) == 30
    assert _read([f"{i % 30}%" for i in range(90)]).kind is TaskKind.REGRESSION
