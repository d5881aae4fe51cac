"""Content: packed files are unpacked by looking at them, and standard input is a file like any other."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from autometa.errors import DataError
from autometa.reading import read_task

CSV = b"a,b,y\n1,2,u\n3,4,v\n5,6,u\n7,8,v\n"


def _zip(content: bytes, name: str = "houses.csv") -> bytes:
    """An archive of one file, with the litter that a file manager leaves in it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        archive.writestr(f"__MACOSX/folder/._{name}", b"litter")
        archive.writestr(f"folder/{name}", content)
    return packed.getvalue()


def _refusal(content: bytes, folder: Path, name: str) -> str:
    """The message with which a file of this content is refused."""
    path = folder / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_task(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, _zip])
@pytest.mark.parametrize("ending", [".csv.packed", ".csv", ""])
def test_a_packed_file_is_unpacked_whatever_its_name(
    pack: Callable[[bytes], bytes], ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"houses{ending}"
    path.write_bytes(pack(CSV))
    task = read_task(path)
    assert task.X.to_dict("list") == {"a": [1, 3, 5, 7], "b": [2, 4, 6, 8]}
    assert task.name == "houses"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, _zip])
def test_a_packed_parquet_file_is_read(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    plain = io.BytesIO()
    pd.read_csv(io.BytesIO(CSV)).to_parquet(plain)
    path = tmp_path / "houses"
    path.write_bytes(pack(plain.getvalue()))
    assert read_task(path).X["b"].tolist() == [2, 4, 6, 8]


def test_a_text_that_begins_like_a_packed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CSV.replace(b"a,b", b"BZhuge,PK", 1))
    assert list(read_task(path).X.columns) == ["BZhuge", "PK"]


@pytest.mark.parametrize(
    ("pack", "packing"), [(gzip.compress, "gzip"), (bz2.compress, "bzip2"), (lzma.compress, "xz"), (_zip, "zip")]
)
def test_a_damaged_packed_file_is_refused(pack: Callable[[bytes], bytes], packing: str, tmp_path: Path) -> None:
    content = pack(CSV * 100)
    assert _refusal(content[:-30], tmp_path, "a.csv").startswith(f"'a.csv' is a damaged {packing} file (")


def test_a_packed_file_without_content_is_refused_as_empty(tmp_path: Path) -> None:
    assert _refusal(gzip.compress(b"\n"), tmp_path, "a.gz").startswith("'a.gz' is empty")
    assert _refusal(_zip(b""), tmp_path, "a.zip").startswith("'houses.csv' in 'a.zip' is empty")


def test_an_archive_of_several_files_or_none_is_refused(tmp_path: Path) -> None:
    several = io.BytesIO()
    with zipfile.ZipFile(several, "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("b.csv", CSV)
    assert _refusal(several.getvalue(), tmp_path, "a.zip") == (
        "'a.zip' holds 2 files: 'a.csv', 'b.csv'; pack one table alone"
    )
    hidden = io.BytesIO()
    with zipfile.ZipFile(hidden, "w") as archive:
        archive.writestr(".DS_Store", b"litter")
    assert _refusal(hidden.getvalue(), tmp_path, "a.zip") == "'a.zip' holds 0 files; pack one table alone"


def test_a_workbook_is_refused_with_the_way_out(tmp_path: Path) -> None:
    workbook = io.BytesIO()
    with zipfile.ZipFile(workbook, "w") as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.writestr("xl/workbook.xml", b"<workbook/>")
    message = _refusal(workbook.getvalue(), tmp_path, "houses.xlsx")
    assert message == "'houses.xlsx' is an office document; save its sheet as CSV"


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    packed = bytearray(_zip(CSV))
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1  # the flag of encryption, in the last directory entry
    assert _refusal(bytes(packed), tmp_path, "a.zip") == "'a.zip' is locked with a password; unpack it first"


@pytest.mark.parametrize("content", [CSV, gzip.compress(CSV)], ids=["plain", "packed"])
def test_a_dash_is_standard_input(content: bytes) -> None:
    code = "from autometa.reading import read_task; t = read_task('-'); print(t.name, t.X['a'].tolist(), t.y.tolist())"
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "stdin [1, 3, 5, 7] ['u', 'v', 'u', 'v']"


def test_empty_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(DataError, match="standard input is empty; give a table with a header and rows"):
        read_task("-")


def test_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = os.openpty()
    with os.fdopen(follower) as terminal, os.fdopen(leader):
        monkeypatch.setattr(sys, "stdin", terminal)
        with pytest.raises(DataError, match="standard input is a terminal; pipe a table into it"):
            read_task("-")


def test_a_named_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(CSV,))
    writer.start()
    assert read_task(path).y.tolist() == ["u", "v", "u", "v"]
    writer.join()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_a_device_that_gives_junk_without_end_is_refused(device: str) -> None:
    if not Path(device).exists():
        pytest.skip(f"needs {device}")
    name = Path(device).name
    with pytest.raises(DataError, match=f"'{name}' is binary, not text .*; save it as UTF-8 text or Parquet"):
        read_task(device)
    code = "from autometa.reading import read_task; read_task('-')"
    with Path(device).open("rb") as endless:
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=endless, capture_output=True, text=True, check=False, timeout=60
        )
    assert "standard input is binary, not text" in done.stderr


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, _zip])
def test_junk_that_is_packed_is_refused(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    assert "is binary, not text (it starts with b'\\x00" in _refusal(pack(bytes(1_000_000)), tmp_path, "a.csv")


def test_what_is_held_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("autometa.reading.content.MAX_HELD_BYTES", 2**20)
    rows = CSV + b"1,2,u\n" * 2**19
    assert _refusal(gzip.compress(rows), tmp_path, "a.gz") == (
        "'a.gz' gives more than 0.000976562 GiB; write it to a plain file and give that"
    )
    (tmp_path / "a.csv").write_bytes(rows)  # a plain file is not held
    assert read_task(tmp_path / "a.csv").n_rows == 2**19 + 4


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
@pytest.mark.parametrize("ending", ["csv", "parquet", "feather", "arff", "jsonl"])
def test_a_file_whose_name_is_not_utf_8_is_read(ending: str, tmp_path: Path) -> None:
    frame = pd.read_csv(io.BytesIO(CSV))
    contents = {
        "csv": CSV,
        "parquet": frame.to_parquet(),
        "feather": None,
        "arff": b"@relation r\n@attribute a numeric\n@attribute y {u,v}\n@data\n1,u\n3,v\n5,u\n7,v\n",
        "jsonl": frame.to_json(orient="records", lines=True).encode(),
    }
    if ending == "feather":
        frame.to_feather(tmp_path / "table")
        contents["feather"] = (tmp_path / "table").read_bytes()
    name = os.fsdecode(b"gr\xfcn." + ending.encode())
    content = contents[ending]
    assert content is not None
    (tmp_path / name).write_bytes(content)
    task = read_task(tmp_path / name)
    assert task.X["a"].tolist() == [1, 3, 5, 7]
    assert task.name == "gr\ufffdn"
