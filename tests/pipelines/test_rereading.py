import gzip
import os
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from autometa.errors import DataError
from autometa.pipelines.building import build
from autometa.pipelines.exporting import export_script
from autometa.pipelines.rereading import reread
from autometa.reading import read_task
from autometa.space import Configuration
from autometa.task import Task

N_ROWS = 60
CONFIGURATION = Configuration(algorithm="decision_tree", values={"encoding": "one_hot"})


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that holds the script of a file to the task that is read from it, and gives the script."""

    def run(path: Path, *, max_rows: int | None = None, classes: dict[str, int] | None = None, **options: Any) -> str:
        task = read_task(path, **options)
        script = _script(path, task, max_rows)
        monkeypatch.setattr(sys, "argv", ["train.py"])
        found: dict[str, Any] = {}
        exec(compile(script, "train.py", "exec"), found)
        capsys.readouterr()
        if max_rows is None:
            assert found["y"].tolist() == task.y.tolist()
            assert found["y"].dtype == task.y.dtype
            pipeline = build(CONFIGURATION, kind=task.kind, column_kinds=task.column_kinds).fit(task.X, task.y)
            np.testing.assert_array_equal(
                found["pipeline"]["prepare"].transform(found["X"]), pipeline["prepare"].transform(task.X)
            )
            np.testing.assert_array_equal(found["predicted"]["prediction"], pipeline.predict(task.X))
        else:
            expected = max_rows if classes is None else sum(classes.values())
            assert abs(len(found["X"]) - expected) <= 1
            assert classes is None or found["y"].value_counts().to_dict() == classes
        return script

    return run


def _script(path: Path, task: Task, max_rows: int | None = None) -> str:
    return export_script(
        CONFIGURATION,
        kind=task.kind,
        column_kinds=task.column_kinds,
        rereading=reread(str(path), task, max_rows=max_rows),
    )


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": rng.normal(size=N_ROWS).round(3),
            "many": rng.integers(100, size=N_ROWS),
            "colour": rng.choice(["red", "grün", "blue, or so"], size=N_ROWS),
            "on": rng.choice(["true", "false"], size=N_ROWS),
            "y": rng.choice(["yes", "no"], size=N_ROWS),
        }
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.csv", {}),
        ("a.tsv", {"sep": "\t"}),
        ("a.csv", {"sep": ";", "decimal": ","}),
        ("a.csv", {"sep": "|", "quotechar": "'"}),
        ("a.csv", {"encoding": "utf-16"}),
        ("a.csv", {"encoding": "utf-8-sig"}),
        ("a.csv", {"encoding": "cp1252"}),
        ("a.csv.gz", {}),
        ("a.csv.bz2", {}),
        ("a.csv.xz", {}),
        ("a.csv.zip", {}),
    ],
)
def test_delimited_text_is_read_as_it_is_written(
    table: pd.DataFrame, tmp_path: Path, check: Callable[..., str], name: str, options: dict[str, Any]
) -> None:
    table.to_csv(tmp_path / name, index=False, **options)
    check(tmp_path / name)


def test_a_packed_file_without_an_ending_is_unpacked(
    table: pd.DataFrame, tmp_path: Path, check: Callable[..., str]
) -> None:
    (tmp_path / "packed").write_bytes(gzip.compress(table.to_csv(index=False).encode()))
    assert 'compression="gzip"' in check(tmp_path / "packed")


def test_typed_files_are_read_with_their_types(table: pd.DataFrame, tmp_path: Path, check: Callable[..., str]) -> None:
    days = pd.Timestamp("2020-03-01") + pd.to_timedelta(np.arange(N_ROWS) * 7 % 53, unit="D")
    rich = table.assign(
        marked=["?" if row % 5 == 0 else "ab"[row % 2] for row in range(N_ROWS)],
        labels=pd.Categorical([" NA " if row % 6 == 0 else "cd"[row % 2] for row in range(N_ROWS)]),
        digits=[str(row % 3) for row in range(N_ROWS)],
        day=days,
        zoned=days.tz_localize("Europe/Berlin"),
        date=days.date,
        words=days.strftime("%d.%m.%Y"),
        lasted=pd.to_timedelta(np.arange(N_ROWS) % 17, unit="min"),
        price=pd.Series([Decimal(row % 7) / 4 for row in range(N_ROWS)], dtype=object),
        known=pd.array([None if row % 8 == 0 else row % 2 == 0 for row in range(N_ROWS)], dtype="boolean"),
        count=pd.array([None if row % 9 == 0 else row % 4 for row in range(N_ROWS)], dtype="Int64"),
        infinite=[np.inf if row % 10 == 0 else row % 11 for row in range(N_ROWS)],
    )[
        [
            "marked",
            "labels",
            "digits",
            "day",
            "zoned",
            "date",
            "words",
            "lasted",
            "price",
            "known",
            "count",
            "infinite",
            "y",
        ]
    ]
    rich.to_parquet(tmp_path / "a.parquet")
    assert " pyarrow==" in check(tmp_path / "a.parquet")
    rich.to_feather(tmp_path / "a.feather")
    check(tmp_path / "a.feather")


def test_json_lines_are_read(table: pd.DataFrame, tmp_path: Path, check: Callable[..., str]) -> None:
    rich = table.assign(
        digits=[str(row % 3) for row in range(N_ROWS)],
        marked=["?" if row % 5 == 0 else "ab"[row % 2] for row in range(N_ROWS)],
        fraction=[np.nan if row % 4 == 0 else 1 / (1 + row) for row in range(N_ROWS)],
        day=[f"2020-01-{1 + row % 28:02d}" for row in range(N_ROWS)],
    )
    path = tmp_path / "a.jsonl"
    rich.to_json(path, orient="records", lines=True, double_precision=15)
    check(path, target="y")


def test_arff_is_read(tmp_path: Path, check: Callable[..., str]) -> None:
    rows = [f"{row % 7}.5, '{'ab'[row % 2]} \\' c', {'?' if row % 5 == 0 else row % 3}, yes" for row in range(30)]
    rows += [f"{row % 4}, b, 2, no" for row in range(30)]
    text = "% a comment\n@relation 'x'\n@attribute size numeric\n@attribute 'a word' string\n"
    text += "@attribute n numeric\n@attribute y {yes, no}\n\n@data\n% another\n" + "\n".join(rows) + "\n"
    (tmp_path / "a.arff").write_text(text)
    check(tmp_path / "a.arff")


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%m/%d/%Y %H:%M", "%b %d, %Y", "%Y-%m-%dT%H:%M:%S+0100", "%Y-%m-%d"])
def test_dates_are_read_in_their_format(
    table: pd.DataFrame, tmp_path: Path, check: Callable[..., str], form: str
) -> None:
    days = pd.Timestamp("2020-03-01") + pd.to_timedelta(np.arange(N_ROWS) * 2711 % 9001, unit="h")
    words = pd.Series([None if row % 7 == 0 else word for row, word in enumerate(days.strftime(form))])
    table.assign(day=words).to_csv(tmp_path / "a.csv", index=False)
    check(tmp_path / "a.csv", target="y")
    table.assign(day=words).to_csv(tmp_path / "b.csv", index=False)
    check(tmp_path / "b.csv", target="y", categorical=["day"])


def test_what_pandas_alone_takes_for_missing_stays_a_word(
    table: pd.DataFrame, tmp_path: Path, check: Callable[..., str]
) -> None:
    words = table.assign(colour=[("None", "red", "Null")[row % 3] for row in range(N_ROWS)])
    words.to_csv(tmp_path / "a.csv", index=False)
    assert "keep_default_na=False" in check(tmp_path / "a.csv")
    table.to_csv(tmp_path / "b.csv", index=False)
    assert "keep_default_na" not in check(tmp_path / "b.csv")


@pytest.mark.parametrize(
    "y",
    [
        [1.0, 2.0, None] * 20,
        ["True", "False", ""] * 20,
        ["true", "false"] * 30,
        [True, False] * 30,
        ["None", "some", "?", " ?"] * 15,
        [0.5 * row for row in range(60)],
        ["inf", *(str(row) for row in range(59))],
        [1, 2, 3] * 20,
    ],
    ids=str,
)
def test_targets_keep_their_labels(
    table: pd.DataFrame, tmp_path: Path, check: Callable[..., str], y: list[object]
) -> None:
    table.assign(y=pd.Series(y)).to_csv(tmp_path / "a.csv", index=False)
    check(tmp_path / "a.csv")
    if "inf" not in y and None not in y:
        table.assign(y=pd.Series(y)).to_parquet(tmp_path / "a.parquet")
        check(tmp_path / "a.parquet")


def test_numbers_as_classes_and_words_as_numbers_are_read_as_asked_for(
    table: pd.DataFrame, tmp_path: Path, check: Callable[..., str]
) -> None:
    table.assign(y=[row % 6 for row in range(N_ROWS)]).to_csv(tmp_path / "a.csv", index=False)
    check(tmp_path / "a.csv", kind="classification")
    check(tmp_path / "a.csv", kind="regression")
    table.assign(y=[row % 6 + 0.5 for row in range(N_ROWS)]).to_csv(tmp_path / "b.csv", index=False)
    check(tmp_path / "b.csv", kind="classification")
    table.assign(y=[str(row % 6) for row in range(N_ROWS)]).to_parquet(tmp_path / "a.parquet")
    check(tmp_path / "a.parquet", kind="regression")


def test_options_of_reading_reach_the_script(table: pd.DataFrame, tmp_path: Path, check: Callable[..., str]) -> None:
    table.to_csv(tmp_path / "a.csv", index=False)
    script = check(tmp_path / "a.csv", ignore_columns=["size"], categorical=["many"])
    assert 'categorical_columns = ["many", "colour", "on"]' in script
    assert "# Not used: 'size'." in script
    assert "numeric_columns" not in script


def test_a_sample_is_drawn_as_asked_for(table: pd.DataFrame, tmp_path: Path, check: Callable[..., str]) -> None:
    table.to_csv(tmp_path / "a.csv", index=False)
    script = check(tmp_path / "a.csv", max_rows=31)
    assert 'rows = table.sample(frac=1, random_state=0).groupby("y")["y"]  # as wished for' in script
    assert 'kept = rows.cumcount() < (31 / len(table) * rows.transform("size")).round().clip(lower=2)' in script
    check(tmp_path / "a.csv", max_rows=32, target="size")
    table.assign(y=["rare"] * 3 + ["yes", "no", "no"] * 19).to_csv(tmp_path / "b.csv", index=False)
    assert "rows.cumcount()" in check(tmp_path / "b.csv", max_rows=12, classes={"rare": 2, "yes": 4, "no": 8})
    assert ".sample(" not in _script(tmp_path / "a.csv", read_task(tmp_path / "a.csv"), N_ROWS)


def test_what_a_script_cannot_read_again_is_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    table.to_csv(tmp_path / "a.csv", index=False)
    task = read_task(tmp_path / "a.csv")
    os.mkfifo(tmp_path / "pipe")
    for gone in ("-", str(tmp_path / "pipe")):
        with pytest.raises(DataError, match="once more; write the table to a file"):
            reread(gone, task)
    arrow = pa.Table.from_pandas(table)
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_stream(file, arrow.schema) as writer:
        writer.write_table(arrow)
    with pytest.raises(DataError, match=r"pandas cannot read .* \(.*\); save the table as CSV"):
        reread(str(tmp_path / "a.arrow"), read_task(tmp_path / "a.arrow"))
    table.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "packed.parquet").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    with pytest.raises(DataError, match="unpack it first"):
        reread(str(tmp_path / "packed.parquet"), read_task(tmp_path / "packed.parquet"))
    sparse = "@relation x\n@attribute a numeric\n@attribute b numeric\n@attribute y {u, v}\n@data\n"
    (tmp_path / "a.arff").write_text(sparse + "{0 1, 2 v}\n{1 2}\n" * 20)
    with pytest.raises(DataError, match="save the table as"):
        reread(str(tmp_path / "a.arff"), read_task(tmp_path / "a.arff"))


def test_a_file_that_holds_other_values_than_the_task_is_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    table.to_csv(tmp_path / "a.csv", index=False)
    task = read_task(tmp_path / "a.csv")
    changes: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
        "number": (lambda frame: frame.assign(size=frame["size"] + 1e-9), "other values in the column 'size'"),
        "word": (lambda frame: frame.assign(colour=frame["colour"].str.upper()), "other values in the column 'colour'"),
        "target": (lambda frame: frame.assign(y=frame["y"].iloc[::-1].to_numpy()), "other values in the target 'y'"),
        "rows": (lambda frame: frame.iloc[:-1], "the target 'y' in 59 rows, not in 60"),
        "name": (lambda frame: frame.rename(columns={"many": "few"}), "no column 'many'"),
    }
    for change, words in changes.values():
        change(table).to_csv(tmp_path / "a.csv", index=False)
        with pytest.raises(DataError, match=words):
            reread(str(tmp_path / "a.csv"), task)


@pytest.mark.parametrize("is_german", [False, True])
def test_numbers_of_a_style_are_read_in_it(tmp_path: Path, check: Callable[..., str], *, is_german: bool) -> None:
    rng = np.random.default_rng(2)
    english = [f"{number:,.2f}" for number in rng.lognormal(8, 2, size=N_ROWS)]
    swapped = str.maketrans(",.", ".,")
    written = [number.translate(swapped) for number in english] if is_german else english
    table = pd.DataFrame(
        {
            "lot": ["-" if row % 20 == 0 else number for row, number in enumerate(written)],
            "area": written[::-1],
            "share": [f"{row % 9},5 %" if is_german else f"{row % 9}.5%" for row in range(N_ROWS)],
            "swiss": [number.replace(",", "’") for number in english],
            "price": ["n.a." if row % 30 == 0 else f"$ {number}" for row, number in enumerate(written)],
        }
    )
    table.to_csv(tmp_path / "a.csv", index=False, sep=";" if is_german else ",")
    assert len(read_task(tmp_path / "a.csv").number_styles) == 5
    script = check(tmp_path / "a.csv")
    assert script.count("regex=True") == (7 if is_german else 4)


def test_a_style_that_pandas_reads_otherwise_is_refused(tmp_path: Path) -> None:
    table = pd.DataFrame({"lot": [f"{row},000" for row in range(1, N_ROWS + 1)], "y": ["u", "v"] * (N_ROWS // 2)})
    table.to_csv(tmp_path / "a.csv", index=False)
    task = read_task(tmp_path / "a.csv")
    table.assign(lot=table["lot"].str.replace(",", ".")).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match="pandas reads other values in the column 'lot'"):
        reread(str(tmp_path / "a.csv"), task)
