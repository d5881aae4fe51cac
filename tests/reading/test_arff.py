"""ARFF: what is declared is honoured, faults are named with their line."""

import importlib
import os
from pathlib import Path

import pandas as pd
import pytest

from autometa.errors import DataError
from autometa.reading import read_task
from autometa.reading.loaded import MAX_COLUMNS
from autometa.task import Task

ANNEAL = Path(__file__).parents[3] / "shared" / "openml" / "datasets" / "2" / "dataset.arff"

HEADER = """% A comment
@RELATION 'toys, old'

@attribute 'the size'  REAL [0, 10]
@Attribute colour{red , 'dark blue', "so-called \\"green\\""}
@ATTRIBUTE note string
@attribute day date "yyyy-MM-dd"
@attribute\tcount integer
@attribute y {u,v}
@DATA
"""


def _read(text: str, folder: Path) -> Task:
    """The task of an ARFF text."""
    path = folder / "a.arff"
    path.write_text(text, encoding="utf-8")
    return read_task(path)


def _refusal(text: str, folder: Path) -> str:
    """The message with which an ARFF text is refused."""
    with pytest.raises(DataError) as caught:
        _read(text, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_type_is_read_as_declared(tmp_path: Path) -> None:
    rows = """
1.5, red, 'it\\'s, well', "2024-01-31", 1, u
?, 'dark blue', ?, 2024-02-01, 2, v
% a comment between the rows
3,"so-called \\"green\\"",'?' , '2024-02-02',3,u

4,?,plain,?,4,v
"""
    task = _read(HEADER + rows, tmp_path)
    assert list(task.X.columns) == ["the size", "colour", "note", "day", "count"]
    assert task.X["the size"].tolist()[::2] == [1.5, 3.0]
    assert task.X["colour"].cat.categories.tolist() == ["red", "dark blue", 'so-called "green"']
    assert task.X["colour"].isna().tolist() == [False, False, False, True]
    assert task.X["note"].cat.categories.tolist() == ["it's, well", "plain"]
    assert task.X["day"].tolist()[:2] == [pd.Timestamp(2024, 1, 31), pd.Timestamp(2024, 2, 1)]
    assert task.X["count"].dtype == "int64"
    assert task.y.tolist() == ["u", "v", "u", "v"]


def test_a_nominal_number_stays_a_category(tmp_path: Path) -> None:
    task = _read("@relation r\n@attribute a {1,2,10}\n@attribute y {0,1}\n@data\n10,0\n1,1\n2,0\n1,1\n", tmp_path)
    assert task.X["a"].cat.categories.tolist() == ["1", "2", "10"]
    assert "binary, since 'y' has 2 classes" in task.notes


def test_sparse_rows_leave_out_zeros_and_first_labels(tmp_path: Path) -> None:
    text = (
        "@relation r\n@attribute a numeric\n@attribute b {x,'y z'}\n@attribute c string\n@attribute y {u,v}\n@data\n"
        "{0 1.5, 1 'y z', 3 v}\n{ }\n{0 ?,2 text}\n{3 v}\n"
    )
    task = _read(text, tmp_path)
    assert task.X["a"].fillna(-1).tolist() == [1.5, 0.0, -1.0, 0.0]
    assert task.X["b"].tolist() == ["y z", "x", "x", "x"]
    assert task.X["c"].isna().tolist() == [True, True, False, True]
    assert task.y.tolist() == ["v", "u", "u", "v"]


def test_values_agree_with_liac_arff_on_a_real_file() -> None:
    if not ANNEAL.is_file():
        if os.environ.get("CI"):
            pytest.fail("CI must have the files of ../shared")
        pytest.skip("needs the files of ../shared, which do not come with the repository")
    arff = importlib.import_module("arff")  # comes with openml; without types
    with ANNEAL.open(encoding="utf-8") as file:
        reference = arff.load(file)
    names = [name for name, _ in reference["attributes"]]
    expected = pd.DataFrame(reference["data"], columns=pd.Index(names), dtype=object)
    task = read_task(ANNEAL)
    assert task.n_rows == len(expected) == 898
    assert task.y.tolist() == expected["class"].tolist()
    for name in task.X:
        values = task.X[name].astype(object)
        assert values.where(values.notna(), None).tolist() == expected[name].tolist()
    left_out = set(names) - {*task.X.columns, "class"}
    assert left_out
    assert all(expected[name].nunique(dropna=False) == 1 for name in left_out)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,red,x,2024-01-01,1\n", "'a.arff': line 11 has 5 values for 6 attributes; mend it"),
        (
            "1,red,x,2024-01-01,1,u\n1,pink,x,2024-01-01,1,u\n",
            "'a.arff': line 12 has 'pink' for 'colour', which is not among the declared values; "
            "mend it or the @attribute line",
        ),
        (
            "\n\n1.5x,red,x,2024-01-01,1,u\n",
            "'a.arff': line 13 has '1.5x' for 'the size', which is not numeric; mend it or the @attribute line",
        ),
        (
            "1,red,'x,2024-01-01,1,u\n",
            "'a.arff': line 11 cannot be read from \"'x,2024-01-01,1,u\" on; is a quote missing?",
        ),
        ("{0 1, 9 u}\n", "'a.arff': line 11 has a value for attribute 9, the last one is 5; mend it"),
        ("{0 1, 5 u\n", "'a.arff': line 11 lacks the } of a sparse row; add it"),
        ("", "'a.arff' has a header of 6 columns but no rows; give a table with rows"),
    ],
)
def test_a_faulty_row_is_refused_with_its_line(rows: str, message: str, tmp_path: Path) -> None:
    assert _refusal(HEADER + rows, tmp_path) == message


@pytest.mark.parametrize(
    ("declarations", "message"),
    [
        ("@attribute a relational", "line 2 declares the type 'relational'; choose from numeric, real, integer, "),
        ("@attribute a {u,v", "line 2 lacks the } after its values; add it"),
        ("@attribute a {u,'v}", 'line 2 cannot be read from "\'v" on; is a quote missing?'),
        ("@attribute a", "line 2 declares no name and type; write: @attribute name numeric"),
        ("1,2,3", "line 2 is no declaration: '1,2,3'; is the @data line missing?"),
        ("@attribute a real\n@attribute a real\n@data", "has column names that repeat: 'a'; rename them"),
        ("@data", "has no columns; give a table with a target"),
        ("@attribute a real", "has no @data line; put one above its rows"),
    ],
)
def test_a_faulty_declaration_is_refused_with_its_line(declarations: str, message: str, tmp_path: Path) -> None:
    assert message in _refusal(f"@relation r\n{declarations}\n", tmp_path)


def test_too_many_columns_are_refused_before_the_rows_are_read(tmp_path: Path) -> None:
    declarations = "".join(f"@attribute c{i} real\n" for i in range(MAX_COLUMNS + 1))
    message = _refusal(f"@relation r\n{declarations}@data\nnot, a, row", tmp_path)
    assert message == "'a.arff' has 100,001 columns, more than 100,000; select some of them"


def test_a_file_of_many_rows_is_put_together(tmp_path: Path) -> None:
    n = 120_000  # more than two batches; a fraction in the last one alone
    rows = "".join(f"{i},{'uv'[i % 2]}\n" for i in range(n))
    task = _read(f"@relation r\n@attribute a numeric\n@attribute y {{v,u}}\n@data\n{rows}0.5,u\n", tmp_path)
    assert task.n_rows == n + 1
    assert task.X["a"].iloc[[0, n - 1, n]].tolist() == [0.0, n - 1.0, 0.5]


def test_a_name_without_ending_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "toys"
    path.write_text("% a comment\n\n@Relation r\n@attribute a real\n@attribute y {u,v}\n@data\n1,u\n2,v\n3,u\n4,v\n")
    assert read_task(path).X["a"].tolist() == [1, 2, 3, 4]
