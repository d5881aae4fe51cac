"""Further tables are read as the training table was."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from autometa.errors import AutometaWarning, DataError
from autometa.pipelines.building import build
from autometa.reading import read_task
from autometa.reading.conforming import Spelling, TableReader
from autometa.reading.loading import read_chunks
from autometa.space import Configuration
from autometa.task import ColumnKind, Task
from autometa.task_kind import TaskKind

N_ROWS = 240
WORDS = ("late", "early", "broken", "sound", "cheap", "dear", "small", "large", "blue", "green")


def mixed_table() -> pd.DataFrame:
    """Return a table with a column of every kind and way to be written, most with missing values."""
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(1000, size=N_ROWS), unit="D")
    frame = pd.DataFrame(
        {
            "width": rng.normal(size=N_ROWS),
            "count": rng.integers(50, size=N_ROWS),
            "is_new": rng.integers(2, size=N_ROWS).astype(bool),
            "is_sold": pd.array(rng.integers(2, size=N_ROWS).astype(bool), dtype="boolean"),
            "colour": np.array(["red", "blue", "green"], dtype=object)[rng.integers(3, size=N_ROWS)],
            "size": np.array(["01", "1", "x"], dtype=object)[rng.integers(3, size=N_ROWS)],
            "grade": rng.integers(1, 4, size=N_ROWS),
            "step": np.array([1.0, 1.5, 2.0])[rng.integers(3, size=N_ROWS)],
            "day": days.strftime("%d/%m/%Y %H:%M"),
            "iso": days.strftime("%Y-%m-%dT%H:%M:%S"),
            "zoned": days.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "remark": np.array([" ".join(rng.choice(WORDS, size=12)) for _ in range(90)])[
                rng.integers(90, size=N_ROWS)
            ],
        }
    )
    for name in ("width", "is_sold", "colour", "size", "day", "iso", "remark"):
        frame.loc[rng.choice(N_ROWS, size=9, replace=False), name] = None
    signal = rng.normal(size=N_ROWS) + frame["count"] / 10 + (frame["colour"] == "red") * 3
    return frame.assign(y=(signal > signal.median()).map({True: "yes", False: "no"}))


KINDS = {
    "width": ColumnKind.NUMERIC,
    "count": ColumnKind.NUMERIC,
    "is_new": ColumnKind.BOOLEAN,
    "is_sold": ColumnKind.CATEGORICAL,
    "colour": ColumnKind.CATEGORICAL,
    "size": ColumnKind.CATEGORICAL,
    "grade": ColumnKind.CATEGORICAL,
    "step": ColumnKind.CATEGORICAL,
    "day": ColumnKind.DATETIME,
    "iso": ColumnKind.DATETIME,
    "zoned": ColumnKind.DATETIME,
    "remark": ColumnKind.TEXT,
}


@pytest.fixture(scope="module")
def csv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "mixed.csv"
    mixed_table().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def task(csv_file: Path) -> Task:
    return read_task(csv_file, target="y", categorical=("grade", "step"))


def probabilities_of(task: Task, algorithm: str, **values: Any) -> Callable[[pd.DataFrame], np.ndarray]:
    """Return what a pipeline that is fitted on the task gives for a table."""
    configuration = Configuration(algorithm=algorithm, values=values)
    pipeline = build(configuration, kind=task.kind, column_kinds=task.column_kinds)
    pipeline.fit(task.X, task.y)
    return lambda table: np.asarray(pipeline.predict_proba(table))


def test_kinds_and_order_are_those_of_training(task: Task) -> None:
    reader = TableReader.of(task)
    assert reader.columns == KINDS
    assert list(reader.columns) == list(task.X.columns)
    assert (reader.target, reader.classes) == ("y", ("no", "yes"))
    assert reader.rules["is_sold"].spelling is Spelling.BOOLEANS
    assert reader.rules["size"].spelling is Spelling.WORDS
    assert (reader.rules["grade"].spelling, reader.rules["grade"].is_whole) == (Spelling.NUMBERS, True)
    assert (reader.rules["step"].spelling, reader.rules["step"].is_whole) == (Spelling.NUMBERS, False)
    assert (reader.rules["day"].date_order, reader.rules["zoned"].zone) == ("day/month/year", "UTC")


@pytest.mark.parametrize("algorithm", ["logistic_regression", "decision_tree", "lightgbm"])
def test_a_pipeline_predicts_the_training_table_alike_however_it_comes(
    algorithm: str, task: Task, csv_file: Path
) -> None:
    probabilities = probabilities_of(task, algorithm)
    expected = probabilities(task.X)
    assert expected.std() > 0.01  # so that a column that is read otherwise shows
    reader = TableReader.of(task)
    raw = pd.read_csv(csv_file)
    as_objects = pd.read_csv(csv_file, dtype=str).astype(object)
    for source in (raw, as_objects, pa.Table.from_pandas(raw), raw[raw.columns[::-1]].assign(extra=1), task.X):
        np.testing.assert_array_equal(probabilities(reader.read(source)), expected)
    for n_rows in (100, 1000):
        pieces = [probabilities(table) for table in reader.read_all(read_chunks(csv_file, n_rows))]
        np.testing.assert_allclose(np.concatenate(pieces), expected, rtol=1e-12)


def test_every_column_by_itself_is_read_as_in_training(csv_file: Path) -> None:
    for name in KINDS:
        raw = pd.read_csv(csv_file, usecols=[name, "y"], dtype=str, keep_default_na=False)
        text = io.StringIO()
        raw.to_csv(text, index=False)
        task = read_task(
            pd.read_csv(io.StringIO(text.getvalue())),
            target="y",
            categorical=[name] if name in ("grade", "step") else [],
        )
        reader = TableReader.of(task)
        whole, single = reader.read(raw), pd.concat([reader.read(raw.iloc[[row]]) for row in range(40)])
        trained = task.X[name].astype(object).map(str, na_action="ignore")
        for column in (whole[name], single[name]):
            read = column.astype(object).map(str, na_action="ignore").iloc[:40].reset_index(drop=True)
            if reader.rules[name].kind is ColumnKind.NUMERIC:
                pd.testing.assert_series_equal(read.astype(float), trained.iloc[:40].astype(float), check_dtype=False)
            else:
                assert read.fillna("").tolist() == trained.iloc[:40].fillna("").tolist(), name


def test_extremes_of_typed_columns_are_read() -> None:
    n = 40
    task = read_task(
        pd.DataFrame(
            {
                "wait": pd.to_timedelta(np.arange(n) * 1.5, unit="s"),
                "when": pd.date_range("2024-01-01", periods=n, tz="Europe/Berlin"),
                "price": pa.array(np.arange(n) / 7),
                "y": ["a", "b"] * (n // 2),
            }
        ),
        target="y",
    )
    reader = TableReader.of(task)
    new = pd.DataFrame(
        {
            "price": pd.Series([np.inf, 2, None, 4.5], dtype="Float32"),
            "when": ["2024-03-01T10:00:00+01:00", "2024-03-01T09:00:00Z", "01.03.2024", None],
            "wait": pd.to_timedelta(["1s", None, "2min", "1h"]),
        }
    )
    read = reader.read(new)
    assert list(read.columns) == ["wait", "when", "price"]
    assert read["wait"].tolist()[::2] == [1.0, 120.0]
    assert read["price"].fillna(-1).tolist() == [-1, 2, -1, 4.5]
    assert read["when"].dt.tz is not None
    assert read["when"].iloc[0] == read["when"].iloc[1] == pd.Timestamp("2024-03-01T09:00Z")
    assert read["when"].iloc[2] == pd.Timestamp("2024-03-01T00:00Z")
    assert pd.isna(read["when"].iloc[3])


def test_dates_keep_the_order_of_training_where_a_piece_could_be_read_otherwise(task: Task) -> None:
    reader = TableReader.of(task)
    frame = pd.read_csv(io.StringIO(mixed_table().iloc[:2].to_csv(index=False))).assign(
        day=["03/04/2021", "05/04/2021"]
    )
    assert reader.read(frame)["day"].dt.month.tolist() == [4, 4]


def test_booleans_come_in_several_spellings(task: Task) -> None:
    reader = TableReader.of(task)
    base = mixed_table().iloc[:4]
    for spelled in (
        ["TRUE", "false", "True", None],
        [1, 0, 1, None],
        ["1", "0", "1.0", "?"],
        [True, False, True, None],
    ):
        read = reader.read(
            base.assign(is_new=pd.Series(spelled, dtype=object), is_sold=pd.Series(spelled, dtype=object))
        )
        for name in ("is_new", "is_sold"):
            assert read[name].astype(object).map(str, na_action="ignore").fillna("").tolist() == [
                "True",
                "False",
                "True",
                "",
            ]


def test_categories_of_numbers_are_spelled_as_in_training(task: Task) -> None:
    reader = TableReader.of(task)
    frame = mixed_table().iloc[:3].assign(grade=["01", " 2", "3.0"], step=["1", "1.50", "x"], size=["01", "1", "1.0"])
    read = reader.read(frame)
    assert read["grade"].tolist() == ["1", "2", "3"]
    assert read["step"].tolist() == ["1.0", "1.5", "x"]
    assert read["size"].tolist() == ["01", "1", "1.0"]


def test_moments_as_categories_are_spelled_as_in_training_whatever_their_zone() -> None:
    hours = ["2024-01-01T08:00+02:00", "2024-01-01T08:00-02:00", "2024-01-01T08:00-03:00", "2024-01-01T08:00Z"]
    frame = pd.DataFrame({"shift": hours * 10, "y": [0, 1, 1, 0] * 10})
    task = read_task(frame, target="y", categorical=["shift"])
    assert task.X["shift"].nunique() == 4
    read = TableReader.of(task).read(frame)
    assert read["shift"].tolist() == task.X["shift"].tolist()
    plain = pd.DataFrame({"day": ["2024-01-01", "2024-01-02"] * 20, "y": [0, 1, 1, 0] * 10})
    without = read_task(plain, target="y", categorical=["day"])
    assert TableReader.of(without).read(plain)["day"].tolist() == without.X["day"].tolist()


def test_hexadecimal_numbers_are_those_that_files_were_read_with(tmp_path: Path) -> None:
    path = tmp_path / "hex.csv"
    path.write_text("v,y\n" + "".join(f"{place:#x},{place % 2}\n" for place in range(40)))
    for categorical in ((), ("v",)):
        task = read_task(path, target="y", categorical=categorical)
        (chunk,) = TableReader.of(task).read_all(read_chunks(path, 100))
        read = chunk["v"].tolist()
        assert (list(map(int, read)) if categorical else read) == task.X["v"].tolist() == list(range(40))


def test_labels_beyond_the_precision_of_floats_stay_apart() -> None:
    labels = [2**53, 2**53 + 1, 2**53 + 2] * 10
    task = read_task(pd.DataFrame({"code": pd.Categorical(labels), "y": [0, 1] * 15}), target="y")
    read = TableReader.of(task).read(pd.DataFrame({"code": [str(2**53 + 1), str(2**53)]}))
    assert read["code"].tolist() == ["9007199254740993", "9007199254740992"]


def test_missing_columns_are_named_with_the_closest_ones(task: Task) -> None:
    reader = TableReader.of(task)
    frame = mixed_table().rename(columns={"width": "Width "}).drop(columns="colour")
    with pytest.raises(DataError) as caught:
        reader.read(frame)
    message = str(caught.value)
    assert message.startswith("the table lacks the columns 'width', 'colour' that the model was trained on")
    assert "did you mean 'Width '?" in message
    assert "\n" not in message


def test_a_column_that_has_become_another_kind_is_refused(task: Task) -> None:
    reader = TableReader.of(task)
    words = ["tall"] * 3 + ["1.5"]
    with pytest.raises(
        DataError, match=r"column 'width' was numeric in training, but 3 of 4 values cannot be read so, su"
    ):
        reader.read(mixed_table().iloc[:4].assign(width=words))
    with pytest.raises(DataError, match="column 'iso' was datetime in training, but 4 of 4 values"):
        reader.read(mixed_table().iloc[:4].assign(iso=[1, 2, 3, 4]))
    with pytest.raises(DataError, match="column 'is_new' was boolean in training, but 4 of 4 values"):
        reader.read(mixed_table().iloc[:4].assign(is_new=list("abcd")))


def test_a_few_unreadable_values_are_missing_and_told(task: Task) -> None:
    reader = TableReader.of(task)
    frame = mixed_table().iloc[:4].assign(width=["tall", "1", "2", "NA"])
    with pytest.warns(AutometaWarning, match="column 'width': 1 value of 3 cannot be read as in training and count"):
        read = reader.read(frame)
    assert read["width"].isna().tolist() == [True, False, False, True]


def test_unreadable_values_are_judged_over_all_pieces(task: Task, tmp_path: Path) -> None:
    frame = mixed_table()
    frame["width"] = [*(["1.5"] * (N_ROWS - 1)), "tall"]
    frame.to_csv(tmp_path / "new.csv", index=False)
    reader = TableReader.of(task)
    with pytest.warns(AutometaWarning, match=f"column 'width': 1 value of {N_ROWS} cannot be read"):
        tables = list(reader.read_all(read_chunks(tmp_path / "new.csv", N_ROWS - 1)))
    assert [len(table) for table in tables] == [N_ROWS - 1, 1]
    frame["width"] = "tall"
    frame.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(DataError, match="column 'width' was numeric"):
        list(reader.read_all(read_chunks(tmp_path / "new.csv", 10)))


def test_a_column_without_a_value_is_read(task: Task) -> None:
    probabilities = probabilities_of(task, "logistic_regression")
    empty = mixed_table().iloc[:3].assign(**dict.fromkeys(KINDS, None))
    assert np.isfinite(probabilities(TableReader.of(task).read(empty))).all()


def test_an_empty_table_is_refused(task: Task) -> None:
    with pytest.raises(DataError, match="has a header of 13 columns but no rows"):
        TableReader.of(task).read(mixed_table().iloc[:0])


def test_an_array_is_read_by_the_names_of_its_columns() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    reader = TableReader.of(read_task(X, [0, 1] * 20))
    np.testing.assert_array_equal(reader.read(X).to_numpy(), X)
    with pytest.raises(DataError, match="the table lacks the column 'x2' that"):
        reader.read(X[:, :2])


def test_the_table_given_is_never_changed(task: Task) -> None:
    frame = mixed_table()
    before = frame.copy(deep=True)
    TableReader.of(task).read(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_identifiers_need_not_be_there() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"customer_id": rng.permutation(5000)[:300], "size": rng.normal(size=300), "y": [0, 1] * 150})
    task = read_task(frame, target="y")
    assert task.identifiers == ("customer_id",)
    reader = TableReader.of(task)
    assert list(reader.columns) == ["size"]
    assert probabilities_of(task, "logistic_regression")(reader.read(frame[["size"]])).shape == (300, 2)


@pytest.mark.parametrize(
    ("labels", "spelled", "kind"),
    [
        ([1, 2, 3], ["1", "2.0", "03"], TaskKind.MULTICLASS),
        ([True, False], ["true", "FALSE"], TaskKind.BINARY),
        (["01", "1"], ["1", "01"], TaskKind.BINARY),
        (["u", "v w"], ["v w", "u"], TaskKind.BINARY),
    ],
)
def test_the_target_is_read_as_in_training(labels: list[Any], spelled: list[str], kind: TaskKind) -> None:
    n = 60
    frame = pd.DataFrame({"size": np.sin(np.arange(n)), "y": [labels[i % len(labels)] for i in range(n)]})
    task = read_task(frame, target="y", kind=kind)
    reader = TableReader.of(task)
    expected = {"1": 1, "2.0": 2, "03": 3, "true": True, "FALSE": False} if labels[0] in (1, True) else {}
    read = reader.read_target(pd.DataFrame({"y": [*spelled, None]}))
    assert read.tolist()[:-1] == [expected.get(text, text) for text in spelled]
    assert pd.isna(read.iloc[-1])
    with pytest.raises(DataError, match="the target 'y' holds what was no class in training: 'other'; the classes are"):
        reader.read_target(pd.DataFrame({"y": [spelled[0], "other"]}))
    with pytest.raises(DataError, match="there is no target column 'y'; did you mean 'Y'"):
        reader.read_target(pd.DataFrame({"Y": [1]}))


def test_a_target_of_numbers_is_read() -> None:
    task = read_task(pd.DataFrame({"size": np.sin(np.arange(50)), "y": np.cos(np.arange(50))}), target="y")
    reader = TableReader.of(task)
    assert reader.read_target(pd.DataFrame({"y": ["1,5", "2"]}), decimal=",").tolist() == [1.5, 2.0]
    with pytest.raises(DataError, match="the target 'y' holds 'tall', which is no number; mend it"):
        reader.read_target(pd.DataFrame({"y": ["1", "tall"]}))


def test_no_warning_where_all_is_read(task: Task) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableReader.of(task).read(mixed_table())
