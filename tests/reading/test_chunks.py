"""Tables read piece by piece: what a piece looks like by itself changes nothing."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autometa.errors import DataError
from autometa.reading import read_task
from autometa.reading.conforming import TableReader
from autometa.reading.loading import read_chunks

N_ROWS = 50


def joined(source: object, n_rows: int) -> tuple[list[int], pd.DataFrame]:
    """Return the sizes of the pieces, and all of them together."""
    frames = [chunk.frame for chunk in read_chunks(source, n_rows)]  # type: ignore[arg-type]
    return [len(frame) for frame in frames], pd.concat(frames, ignore_index=True)


def test_a_csv_file_is_read_as_text_in_pieces_of_the_size_asked_for(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["01", "2", None, "x, y"] * 3, "b": ["true", "2020-01-01", "1.50", "?"] * 3})
    frame.to_csv(tmp_path / "a.csv", index=False)
    sizes, read = joined(tmp_path / "a.csv", 5)
    assert sizes == [5, 5, 2]
    assert read["a"].fillna("-").tolist() == ["01", "2", "-", "x, y"] * 3
    assert read["b"].fillna("-").tolist() == ["true", "2020-01-01", "1.50", "-"] * 3


def test_pieces_that_look_other_than_the_whole_are_read_by_the_kinds_of_training(tmp_path: Path) -> None:
    codes = [str(i % 5) for i in range(N_ROWS - 5)] + ["x"] * 5
    frame = pd.DataFrame(
        {
            "size": [*range(N_ROWS - 5), 0.5, 1.5, 2.5, 3.5, 4.5],
            "code": codes,
            "day": [f"{1 + i % 12:02d}/{1 + i % 11:02d}/2020" for i in range(N_ROWS - 1)] + ["30/01/2020"],
            "y": [0, 1] * (N_ROWS // 2),
        }
    )
    frame.to_csv(tmp_path / "a.csv", index=False, sep=";", decimal=",")
    task = read_task(tmp_path / "a.csv")
    reader = TableReader.of(task)
    assert [str(kind) for kind in reader.columns.values()] == ["numeric", "categorical", "datetime"]
    read = pd.concat(list(reader.read_all(read_chunks(tmp_path / "a.csv", 10))), ignore_index=True)
    np.testing.assert_array_equal(read["size"], task.X["size"])
    assert read["code"].tolist() == task.X["code"].tolist()
    assert (read["day"] == task.X["day"]).all()


def test_a_long_file_is_read_block_by_block(tmp_path: Path) -> None:
    lines = [f"{i},{'w' * 90}\n" for i in range(100_000)]  # more than two of Arrow's blocks
    (tmp_path / "a.csv").write_text("a,b\n" + "".join(lines))
    sizes, read = joined(tmp_path / "a.csv", 40_000)
    assert sizes == [40_000, 40_000, 20_000]
    assert read["a"].tolist() == [str(i) for i in range(100_000)]


def test_parquet_is_read_in_pieces_with_its_types(tmp_path: Path) -> None:
    table = pa.table({"a": range(25), "b": pa.array(["u", None, "v", "w", "u"] * 5).dictionary_encode()})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=10)
    sizes, read = joined(tmp_path / "a.parquet", 8)
    assert sizes == [8, 8, 8, 1]
    assert read["a"].tolist() == list(range(25))
    assert read["b"].astype(object).fillna("-").tolist() == ["u", "-", "v", "w", "u"] * 5
    pq.write_table(table.slice(0, 0), tmp_path / "b.parquet")
    with pytest.raises(DataError, match="has a header of 2 columns but no rows"):
        joined(tmp_path / "b.parquet", 8)
    (tmp_path / "c.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    with pytest.raises(DataError, match=r"'c\.parquet' is no readable Parquet file"):
        joined(tmp_path / "c.parquet", 8)


def test_one_column_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("size\n1\n2.5\n")
    assert joined(tmp_path / "a.csv", 10)[1]["size"].tolist() == ["1", "2.5"]


def test_other_formats_and_tables_in_memory_are_split(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["u", "v", "w"]})
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(frame.to_csv(index=False).encode("utf-16")))
    for source in (frame, tmp_path / "a.jsonl", tmp_path / "a.csv.gz"):
        sizes, read = joined(source, 2)
        assert sizes == [2, 1]
        assert read["b"].tolist() == ["u", "v", "w"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "has a header of 2 columns but no rows; give a table with rows"),
        ("", "is empty; give a table with a header and rows"),
        ("a,b\n1,2\n3\n", "line 3 has 1 field, the header 2; mend it"),
        ("a,a\n1,2\n", "repeats 'a'"),
    ],
)
def test_what_is_wrong_is_told_as_of_a_whole_file(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        joined(tmp_path / "a.csv", 10)
