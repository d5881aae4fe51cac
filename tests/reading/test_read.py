"""The door: the same table is the same task in every form, and what was changed is said."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.errors import DataError, OptionError
from autometa.reading import read_task
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind

EXAMPLES = Path(__file__).parents[2] / "data" / "examples"


def _mixed_table() -> pd.DataFrame:
    """A table with a column of every sort, some values missing."""
    n = 60
    generator = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "small": np.arange(n, dtype="int8"),
            "count": pd.array([1, None, 3] * (n // 3), dtype="Int64"),
            "ratio": np.where(np.arange(n) % 7 == 0, np.nan, generator.normal(size=n)),
            "flag": np.arange(n) % 2 == 0,
            "consent": pd.array([True, None, False] * (n // 3), dtype="boolean"),
            "town": ["Bern", "São Paulo", None] * (n // 3),
            "shade": pd.Categorical(["dark, deep", 'so-called "light"', "dark, deep"] * (n // 3)),
            "ticket": [f"{i} {'long ' * 12}\nline" for i in range(n)],
            "day": pd.date_range("1969-12-30", periods=n, freq="D"),
            "moment": [None if i == 4 else datetime(2024, 1, 1, i % 24, 30) for i in range(n)],
            "zoned": pd.date_range("2024-03-31", periods=n, freq="h", tz="Europe/Berlin"),
            "opens": ["9:30", "10:00", "11:15"] * (n // 3),
            "nothing": [None] * n,
            "target": ["yes", "no"] * (n // 2),
        }
    )


@pytest.mark.parametrize("example", ["breast_cancer", "wine", "diabetes", None])
def test_a_table_is_the_same_task_as_csv_as_parquet_and_as_dataframe(example: str | None, tmp_path: Path) -> None:
    frame = pd.read_csv(EXAMPLES / f"{example}.csv") if example else _mixed_table()
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.tsv", sep="\t")  # with an index without a name
    frame.to_parquet(tmp_path / "c.parquet")
    frame.set_index(pd.Index(range(len(frame)), name="row")).to_parquet(tmp_path / "d.pq")
    given = read_task(frame)
    for path in sorted(tmp_path.iterdir()):
        task = read_task(path)
        assert task.fingerprint == given.fingerprint, path.name
        assert task.column_kinds == given.column_kinds, path.name
        assert task.kind == given.kind, path.name
        assert task.y.tolist() == given.y.tolist(), path.name


def test_every_sort_of_column_gets_its_kind() -> None:
    task = read_task(_mixed_table())
    assert {name: kind.value for name, kind in task.column_kinds.items()} == {
        "small": "identifier",
        "count": "numeric",
        "ratio": "numeric",
        "flag": "boolean",
        "consent": "categorical",
        "town": "categorical",
        "shade": "categorical",
        "ticket": "text",
        "day": "datetime",
        "moment": "datetime",
        "zoned": "datetime",
        "opens": "categorical",
    }
    assert task.X["count"].tolist()[::2][:2] == [1.0, 3.0]
    assert np.isnan(task.X["count"][1])
    assert task.X["consent"].cat.categories.tolist() == ["False", "True"]
    assert list(task.X.index) == list(task.y.index) == list(range(60))


@pytest.mark.parametrize(
    ("example", "target", "kind", "n_rows", "n_columns"),
    [
        ("breast_cancer", "diagnosis", TaskKind.BINARY, 569, 30),
        ("wine", "cultivar", TaskKind.MULTICLASS, 178, 13),
        ("diabetes", "progression", TaskKind.REGRESSION, 442, 10),
    ],
)
def test_the_examples_are_one_task_of_each_kind(
    example: str, target: str, kind: TaskKind, n_rows: int, n_columns: int
) -> None:
    task = read_task(str(EXAMPLES / f"{example}.csv"), target=target)
    assert (task.kind, task.n_rows, task.n_columns) == (kind, n_rows, n_columns)
    assert task.name == example
    assert set(task.column_kinds.values()) == {ColumnKind.NUMERIC}
    assert len(task.notes) == 1
    assert task.notes[0].startswith(f"{kind}, since '{target}' has ")


def test_the_given_dataframe_is_never_changed_nor_changes_the_task() -> None:
    frame = _mixed_table().set_index(pd.Index(range(100, 160)))
    frame.loc[105, "target"] = None
    before = frame.copy(deep=True)
    task = read_task(frame)
    pd.testing.assert_frame_equal(frame, before)
    frame.loc[101, "ratio"] = 1e9
    assert task.X["ratio"].max() < 1e9


def test_the_given_array_is_never_changed_nor_changes_the_task() -> None:
    array = np.array([[1.0, np.inf, 0.0], [2.0, 5.0, 1.0], [3.0, 6.0, 0.0], [4.0, 7.0, 1.0]])
    before = array.copy()
    task = read_task(array)
    np.testing.assert_array_equal(array, before)
    array[:] = -1.0
    assert task.X["x0"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert task.target == "x2"


def test_without_a_target_the_last_column_is_taken_and_said() -> None:
    task = read_task(pd.DataFrame({"a": [1.5, 2.5, 3.5, 4.5], "sold": [0, 1, 1, 0]}))
    assert task.target == "sold"
    assert task.notes[0] == "target: 'sold', the last column, since none was named"


@pytest.mark.parametrize(
    "y", [[0, 1, 1, 0], np.array([[0], [1], [1], [0]]), pd.Series([0, 1, 1, 0], index=[9, 8, 7, 6])]
)
def test_a_target_apart_from_the_table_goes_with_the_rows_by_position(y: object) -> None:
    table = np.array([[1.0], [2.0], [3.0], [4.0]])
    task = read_task(table, y, target="sold")  # type: ignore[arg-type]  # each is one of the accepted types
    assert (task.target, task.kind, list(task.X.columns)) == ("sold", TaskKind.BINARY, ["x0"])
    assert task.y.tolist() == [0, 1, 1, 0]


def test_a_target_apart_that_is_also_in_the_table_is_not_predicted_from() -> None:
    table = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "price": [1.5, 2.5, 2.5, 4.5]})
    task = read_task(table, table["price"])
    assert task.target == "price"
    assert list(task.X.columns) == ["size"]


def test_a_target_apart_of_another_length_is_refused() -> None:
    with pytest.raises(DataError, match=r"the target has 2 values for 3 rows"):
        read_task(np.ones((3, 2)), [0, 1])
    with pytest.raises(DataError, match=r"a target of shape \(3, 2\) is no column"):
        read_task(np.ones((3, 2)), np.ones((3, 2)))


def test_rows_without_a_target_are_left_out_and_counted() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3, 4, 5, 6], "y": [1.5, np.nan, 2.5, np.inf, 1.5, 3.25]})
    task = read_task(frame)
    assert task.X["a"].tolist() == [1, 3, 5, 6]
    assert task.y.tolist() == [1.5, 2.5, 1.5, 3.25]
    assert list(task.X.index) == [0, 1, 2, 3]
    assert "left out, for the target 'y' is missing or infinite: 2 rows" in task.notes


def test_a_target_of_several_types_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,y\n1,1.5\n2,2.5\n3,1.5\n4,2.5\n5,oops\n")
    assert "values of several types read as strings: 'y'" in read_task(tmp_path / "a.csv").notes


def test_an_integer_target_with_missing_values_keeps_integers_as_labels(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,y\n1,3\n2,\n3,7\n4,3\n5,7\n")
    task = read_task(tmp_path / "a.csv")
    assert task.y.dtype == "int64"
    assert task.classes == (3, 7)


def test_odd_columns_are_accepted_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text(
        "wild,void,flat,mixed,day,y\n"
        "inf,,7,1,13/02/2024,u\n"
        "1.5,NA,7,x,02/02/2024,v\n"
        "-inf,?,7,2.5,03/02/2024,u\n"
        "2.5,,7,y,04/02/2024,v\n"
    )
    task = read_task(tmp_path / "odd.csv", target="y")
    assert set(task.notes) == {
        "binary, since 'y' has 2 classes",
        "infinite values read as missing: 'wild'",
        "left out, for all values are missing: 'void'",
        "constant, left out: 'flat'",
        "values of several types read as strings: 'mixed'",
        "strings read as dates, day/month/year: 'day'",
        "holds dates, random folds may flatter if the future is to be predicted: 'day'",
    }
    assert list(task.X.columns) == ["wild", "mixed", "day"]
    assert task.X["wild"].isna().tolist() == [True, False, True, False]
    assert task.X["day"][0] == pd.Timestamp(2024, 2, 13)


def test_many_columns_of_one_note_are_counted_not_listed() -> None:
    frame = pd.DataFrame({f"c{i}": [1, 1, 1, 1] for i in range(9)} | {"a": [1, 2, 3, 4], "y": [0, 1, 0, 1]})
    notes = read_task(frame).notes
    assert "constant, left out: 'c0', 'c1', 'c2', 'c3', 'c4' and 4 more" in notes


def test_only_a_column_of_row_numbers_without_a_name_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text(",a,y\n1,5,u\n2,6,v\n3,7,u\n4,8,v\n")
    (tmp_path / "values.csv").write_text(",a,y\n1,5,u\n2,6,v\n9,7,u\n4,8,v\n")
    assert list(read_task(tmp_path / "numbers.csv").X.columns) == ["a"]
    assert list(read_task(tmp_path / "values.csv").X.columns) == ["Unnamed: 0", "a"]


def test_a_table_of_missing_values_beside_the_target_is_refused() -> None:
    with pytest.raises(DataError, match="no column has values that vary, to predict from"):
        read_task(pd.DataFrame({"a": [None, None, None, None], "y": [0, 1, 0, 1]}))


def test_name_family_and_licence_are_kept() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3, 4], "y": [0, 1, 0, 1]})
    task = read_task(frame, name="toys", family="shop", licence="CC0")
    assert (task.name, task.family, task.licence) == ("toys", "shop", "CC0")
    assert read_task(frame).family == task.fingerprint


def test_an_unknown_kind_is_refused_with_the_choices() -> None:
    with pytest.raises(OptionError, match="'cluster' is no kind of task; choose from binary, multiclass"):
        read_task(pd.DataFrame({"a": [1, 2], "y": [0, 1]}), kind="cluster")
