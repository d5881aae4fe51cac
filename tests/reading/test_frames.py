"""Tables in memory: whatever speaks Arrow is read as it is, and left as it was."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from autometa.errors import DataError
from autometa.reading import read_task

WINE = Path(__file__).parents[2] / "data" / "examples" / "wine.csv"
TABLE = pa.table(
    {
        "count": pa.array([1, None, 3, 4], pa.int16()),
        "town": pa.array(["Bern", "Rom", None, "Bern"], pa.string_view()),
        "shade": pa.array(["dark", "light", "dark", None]).dictionary_encode(),
        "price": pa.array([1, 2, 3, 4], pa.int64()).cast(pa.decimal128(21, 2)),
        "y": ["u", "v", "u", "v"],
    }
)


class Foreign:
    """A table of a library that speaks Arrow and is nothing else that we know, as polars' is."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("wrap", [pa.Table.to_batches, Foreign, pa.Table.to_reader, lambda table: table])
def test_every_table_that_speaks_arrow_is_read(wrap: object) -> None:
    assert callable(wrap)
    source = wrap(TABLE)
    task = read_task(source[0] if isinstance(source, list) else source)
    assert {name: str(kind) for name, kind in task.column_kinds.items()} == {
        "count": "numeric",
        "town": "categorical",
        "shade": "categorical",
        "price": "numeric",
    }
    assert task.X["price"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert task.y.tolist() == ["u", "v", "u", "v"]


def test_an_arrow_table_is_left_as_it_was() -> None:
    table = pa.table({"a": [1.5, 2.5, float("inf"), 4.5], "y": [0, 1, 0, 1]})
    task = read_task(table)
    assert task.X["a"].isna().tolist() == [False, False, True, False]
    assert table.column("a").to_pylist() == [1.5, 2.5, float("inf"), 4.5]


def test_a_polars_frame_is_the_same_task_as_its_file() -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    assert read_task(polars.read_csv(WINE)).fingerprint == read_task(WINE).fingerprint


def test_strings_that_are_no_text_are_refused() -> None:
    half = "x\ud800"
    with pytest.raises(DataError, match=r"column 'a' holds 'x\\ud800', which is no Unicode text; mend the value"):
        read_task(pd.DataFrame({"a": pd.Series([half, "z"] * 3, dtype=object), "y": [0, 1] * 3}))
    with pytest.raises(DataError, match=r"column 'y' holds 'x\\ud800', which is no Unicode text"):
        read_task(pd.DataFrame({"a": [1, 2] * 3, "y": pd.Series([half, "z"] * 3, dtype=object)}))


def test_names_that_are_no_text_are_refused() -> None:
    half = "x\ud800"
    remedy = r"column names that are no Unicode text: 'x\\ud800'; rename them"
    with pytest.raises(DataError, match=f"the table has {remedy}"):
        read_task(pd.DataFrame([[1, 0], [2, 1]] * 3, columns=pd.Index([half, "y"], dtype=object)))
    with pytest.raises(DataError, match=f"the table has {remedy}"):
        read_task(pd.DataFrame([[1, 0], [2, 1]] * 3, columns=pd.Index(["a", half], dtype=object)))
    with pytest.raises(DataError, match=f"the target has {remedy}"):
        read_task(pd.DataFrame({"a": [1, 2] * 3}), pd.Series([0, 1] * 3, name=half))
    assert read_task(pd.DataFrame({"Größe 🎈": [1, 2] * 3}), [0, 1] * 3).n_columns == 1


def test_a_stream_of_a_single_column_is_no_table() -> None:
    class Column:
        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            return pa.chunked_array([[1, 2]]).__arrow_c_stream__(requested_schema)

    with pytest.raises(DataError, match=r"cannot read a Column \(.*\); give a table with named columns"):
        read_task(Column())
    with pytest.raises(DataError, match="cannot read a Series; give the path of a file"):
        read_task(pd.Series([1, 2]))  # type: ignore[arg-type]  # a column is no accepted type
