"""Parquet, Feather and Arrow files."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

from autometa.errors import DataError
from autometa.reading import read_task
from autometa.reading.loaded import MAX_COLUMNS

SOUND = pd.DataFrame({"a": [1.5, None, 3, 4], "b": pd.Categorical(["x", "y", "x", None]), "y": ["u", "v", "u", "v"]})


def _write_stream(table: pa.Table, path: str) -> None:
    """Write an Arrow stream, which is no Arrow file."""
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


def _write_feather(table: pa.Table, path: str) -> None:
    """Write a Feather file, which is an Arrow file."""
    pyarrow.feather.write_feather(table, path)


@pytest.mark.parametrize("write", [_write_stream, _write_feather])
@pytest.mark.parametrize("name", ["a.arrow", "a.feather", "a"])
def test_an_arrow_file_is_the_same_task_as_its_table(
    write: Callable[[pa.Table, str], None], name: str, tmp_path: Path
) -> None:
    write(pa.Table.from_pandas(SOUND), str(tmp_path / name))
    assert read_task(tmp_path / name).fingerprint == read_task(SOUND).fingerprint


def test_the_content_goes_before_the_ending(tmp_path: Path) -> None:
    SOUND.to_parquet(tmp_path / "a.csv")
    SOUND.to_csv(tmp_path / "b.data", index=False)
    assert read_task(tmp_path / "a.csv").fingerprint == read_task(SOUND).fingerprint
    assert read_task(tmp_path / "b.data").fingerprint == read_task(SOUND).fingerprint


@pytest.mark.parametrize("ending", ["feather", "parquet"])
def test_a_broken_file_is_refused(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"broken.{ending}"
    SOUND.to_parquet(path) if ending == "parquet" else SOUND.to_feather(path)
    content = path.read_bytes()
    what = "Parquet" if ending == "parquet" else "Feather or Arrow"
    for broken in (content[:-20], content[100:], content[:6] + b" nothing", b"\x00" * 50, b"junk"):
        path.write_bytes(broken)
        with pytest.raises(DataError, match=f"'broken.{ending}' is no readable {what} file .*; write it anew"):
            read_task(path)


def test_strings_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    SOUND.assign(c=["grün", "rot", "grün", "rot"]).to_parquet(path, compression=None)
    path.write_bytes(path.read_bytes().replace("grün".encode(), b"gr\xff\xffn"))
    with pytest.raises(DataError, match=r"is no readable Parquet file \(.*UTF8.*\); write it anew"):
        read_task(path)


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    wide = pa.table({f"c{i}": pa.array([], type=pa.int8()) for i in range(MAX_COLUMNS + 1)})
    _write_feather(wide, str(tmp_path / "wide.feather"))
    with pytest.raises(DataError, match=r"'wide\.feather' has 100,001 columns, more than 100,000"):
        read_task(tmp_path / "wide.feather")


def test_column_names_that_repeat_are_refused(tmp_path: Path) -> None:
    table = pa.table([[1, 2], [3, 4], [0, 1]], names=["a", "a", "y"])
    _write_stream(table, str(tmp_path / "a.arrow"))
    with pytest.raises(DataError, match=r"'a\.arrow' has column names that repeat: 'a'; rename them"):
        read_task(tmp_path / "a.arrow")
