"""Sources: what cannot be read is refused in one line that names the next step."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.errors import DataError
from autometa.reading import read_task
from autometa.reading.loaded import MAX_COLUMNS

# Only root may become someone else; anyone else has no rights to take away.
AS_NOBODY = """
import os, sys
from autometa.errors import DataError
from autometa.reading import read_task

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    read_task(sys.argv[1])
except DataError as error:
    print(error)
"""
SOUND = pd.DataFrame({"a": [1, 2, 3, 4], "y": ["u", "v", "u", "v"]})


def _refusal(source: object) -> str:
    """The message with which a source is refused."""
    with pytest.raises(DataError) as caught:
        read_task(source)  # type: ignore[arg-type]  # some sources are of no accepted type
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_missing_file_is_refused_with_names_that_are_close(tmp_path: Path) -> None:
    SOUND.to_csv(tmp_path / "houses.csv")
    assert "no such file" in _refusal(tmp_path / "zebra.xls")
    assert _refusal(tmp_path / "house.csv").endswith("did you mean 'houses.csv'?")
    assert "no such file" in _refusal(tmp_path / "no" / "folder.csv")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert "is a directory; give a file in it" in _refusal(tmp_path)


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "locked.csv"
    SOUND.to_csv(path)
    path.chmod(0)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)  # it is the file that is locked
    done = subprocess.run([sys.executable, "-c", AS_NOBODY, path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("no permission to read '/")
    assert done.stdout.endswith("; change its mode or owner\n")


@pytest.mark.parametrize("content", ["", "\n \n\t\n"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_empty_file_is_refused(content: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"empty.{ending}"
    path.write_text(content)
    assert _refusal(path) == f"'empty.{ending}' is empty; give a table with a header and rows"


def test_a_table_without_rows_or_with_one_column_is_refused(tmp_path: Path) -> None:
    SOUND.iloc[:0].to_parquet(tmp_path / "rows.parquet")
    SOUND[["a"]].to_parquet(tmp_path / "column.parquet")
    assert _refusal(tmp_path / "rows.parquet").endswith("has a header of 2 columns but no rows; give a table with rows")
    assert "the table has one column, 'a'" in _refusal(tmp_path / "column.parquet")
    assert "has no columns" in _refusal(pd.DataFrame())


def test_column_names_that_repeat_are_refused() -> None:
    frame = pd.DataFrame([[1, 2, "u"], [3, 4, "v"]], columns=[1, "1", "y"])
    assert _refusal(frame) == "the table has column names that repeat: '1'; rename them"


def test_too_many_columns_are_refused() -> None:
    n_columns = MAX_COLUMNS + 1
    assert "has 100,001 columns, more than 100,000" in _refusal(np.zeros((1, n_columns)))


@pytest.mark.parametrize("source", [[1, 2], {"a": [1]}, None, 3.5])
def test_a_source_of_no_known_type_is_refused(source: object) -> None:
    assert _refusal(source).startswith(f"cannot read a {type(source).__name__}; give the path")


def test_an_array_that_is_no_table_is_refused() -> None:
    assert _refusal(np.arange(3)) == "an array of shape (3,) is no table; give one with rows and columns"


def test_broken_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    SOUND.to_parquet(path)
    content = path.read_bytes()
    for broken in (content[:-20], content[100:], b"PAR1 nothing PAR1", b"\x00" * 50):
        path.write_bytes(broken)
        assert "'broken.parquet' is no readable Parquet file" in _refusal(path)


def test_folders_named_like_partitions_add_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "year=2024"
    folder.mkdir()
    SOUND.to_parquet(folder / "a.parquet")
    assert list(read_task(folder / "a.parquet").X.columns) == ["a"]
