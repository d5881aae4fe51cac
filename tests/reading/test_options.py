"""Options: what the user says of a table goes before what is inferred."""

import numpy as np
import pandas as pd
import pytest

from autometa.errors import DataError, OptionError
from autometa.reading import read_task

TABLE = pd.DataFrame(
    {
        "size": [1.5, 2.5, 3.5, 4.5],
        "zip": [9000, 3000, 9000, 8000],
        "town": ["Ulm", "Bern", "Ulm", "Rom"],
        "sold": ["yes", "no", "yes", "no"],
        "when": [1, 2, 2, 1],
    }
)


def test_ignored_columns_are_left_out_and_said() -> None:
    task = read_task(TABLE, target="sold", ignore_columns=["when", "town"])
    assert list(task.X.columns) == ["size", "zip"]
    assert "left out, as asked for: 'when', 'town'" in task.notes
    assert task.fingerprint == read_task(TABLE[["size", "zip", "sold"]]).fingerprint


def test_the_target_is_the_last_column_that_is_not_ignored() -> None:
    task = read_task(TABLE, ignore_columns="when")
    assert task.target == "sold"
    assert task.notes[0] == "target: 'sold', the last column, since none was named"


def test_a_position_counts_ignored_columns() -> None:
    assert read_task(TABLE, target=3, ignore_columns=["size", "when"]).target == "sold"


@pytest.mark.parametrize("option", ["ignore_columns", "categorical"])
def test_a_column_that_is_not_there_is_refused_with_the_closest_names(option: str) -> None:
    with pytest.raises(DataError, match=r"there is no column 'towns'; did you mean 'town'\?"):
        read_task(TABLE, target="sold", **{option: ["towns"]})  # type: ignore[arg-type]  # one of two of this type


def test_the_target_cannot_be_ignored_nor_made_a_category() -> None:
    with pytest.raises(OptionError, match="the target 'sold' cannot be ignored; name another target"):
        read_task(TABLE, target="sold", ignore_columns=["sold"])
    with pytest.raises(OptionError, match="the target 'when' is made classes by its kind; ask for classification"):
        read_task(TABLE, categorical=["when"])


def test_a_table_with_all_columns_ignored_is_refused() -> None:
    with pytest.raises(DataError, match="no column is left beside the target 'sold'; ignore fewer columns"):
        read_task(TABLE, target="sold", ignore_columns=["size", "zip", "town", "when"])


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([10, 9, 10, 8], [8, 9, 10]),
        ([10.0, 9.0, np.nan, 8.0], [8, 9, 10]),
        ([1.5, 2.25, 1.5, 1e20], [1.5, 2.25, 1e20]),
        ([True, False, True, True], ["False", "True"]),
        (["b", "a", "b", None], ["a", "b"]),
        (pd.Categorical(["b", "a", "b", "c"], categories=["c", "b", "a"]), ["c", "b", "a"]),
        (
            pd.to_datetime(["2024-01-02", "2024-01-01", "NaT", "2024-01-02"]),
            ["2024-01-01 00:00:00", "2024-01-02 00:00:00"],
        ),
        ([f"{i} {'word ' * 30}" for i in range(4)], None),
    ],
    ids=["integers", "missing", "fractions", "booleans", "strings", "category", "dates", "text"],
)
def test_a_column_is_made_a_category(values: object, labels: list[object] | None) -> None:
    table = TABLE.assign(zip=pd.Series(values))
    column = read_task(table, target="sold", categorical=["zip"]).X["zip"]
    assert isinstance(column.dtype, pd.CategoricalDtype)
    assert column.cat.categories.tolist() == (labels or sorted(pd.Series(values)))
    assert column.isna().tolist() == pd.Series(values).isna().tolist()


def test_a_category_of_numbers_leaves_the_fingerprint_as_it_is() -> None:
    assert read_task(TABLE, categorical=["zip"]).fingerprint == read_task(TABLE).fingerprint


@pytest.mark.parametrize(
    ("values", "asked", "label"),
    [(["yes", "no"], "no", "'no'"), ([1, 0], "1", "1"), ([True, False], "True", "True"), ([2.0, 7.0], "7", "7")],
)
def test_the_positive_class_is_said(values: list[object], asked: str, label: str) -> None:
    task = read_task(TABLE.assign(sold=pd.Series(values * 2)), target="sold", positive_class=asked)
    assert f"positive class: {label}, as asked for" in task.notes


def test_a_positive_class_that_is_not_there_is_refused_with_the_classes() -> None:
    with pytest.raises(OptionError) as caught:
        read_task(TABLE, target="sold", positive_class="Yes")
    assert str(caught.value) == "the target 'sold' has no class 'Yes'; its classes are 'no', 'yes'"


@pytest.mark.parametrize(("target", "kind"), [("size", "regression"), ("letter", "multiclass")])
def test_a_positive_class_is_for_binary_tasks(target: str, kind: str) -> None:
    table = pd.concat([TABLE.assign(letter=["a", "b", "c", "d"])] * 2)
    with pytest.raises(
        OptionError, match=f"a positive class is for binary tasks; the target '{target}' makes a {kind}"
    ):
        read_task(table, target=target, positive_class="1")
