"""Text: encodings are found by looking."""

from pathlib import Path

import numpy as np
import pytest

from autometa.errors import DataError
from autometa.reading import read_task

TABLE = "größe,prix €,y\nklein,1,ü\ngroß,2,v\nklein,3,ü\ngroß,4,v\n"


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "the text is UTF-16"),
        ("utf-16-le", "the text is UTF-16"),
        ("utf-16-be", "the text is UTF-16"),
        ("utf-32", "the text is UTF-32"),
        ("cp1252", "the text is not UTF-8, read as cp1252"),
    ],
)
def test_the_encoding_is_found_by_looking(encoding: str, note: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(TABLE.encode(encoding))
    task = read_task(path)
    assert list(task.X.columns) == ["größe", "prix €"]
    assert task.X["größe"].tolist() == ["klein", "groß", "klein", "groß"]
    assert task.classes == ("v", "ü")
    assert [remark for remark in task.notes if remark.startswith("the text")] == ([note] if note else [])


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
@pytest.mark.parametrize("ending", ["arff", "jsonl"])
def test_every_text_format_is_read_in_every_encoding(encoding: str, ending: str, tmp_path: Path) -> None:
    texts = {
        "arff": "@relation r\n@attribute größe numeric\n@attribute y {ü,v}\n@data\n" + "1,ü\n2,v\n" * 2,
        "jsonl": '{"größe": 1, "y": "ü"}\n{"größe": 2, "y": "v"}\n' * 2,
    }
    path = tmp_path / f"a.{ending}"
    path.write_bytes(texts[ending].encode(encoding))
    task = read_task(path)
    assert task.X["größe"].tolist() == [1, 2, 1, 2]
    assert task.y.tolist() == ["ü", "v", "ü", "v"]


def test_a_letter_cut_by_the_pieces_in_which_a_file_is_looked_at_is_no_fault(tmp_path: Path) -> None:
    text = "a,y\n" + "".join(f"{'ü' * 31}{i % 7},{'uv'[i % 2]}\n" for i in range(40_000))
    assert len(text.encode()) > 2 << 20
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    assert not any("UTF-8" in note for note in read_task(tmp_path / "a.csv").notes)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        np.random.default_rng(0).bytes(5000),
        b"\0" * 5000,
        b"\xff\xfe" + b"\x01\x00" * 500,
        b"\xef\xbb\xbf",
    ],
    ids=["image", "random", "zeros", "control characters", "mark alone"],
)
def test_binary_junk_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"'a\.csv' is binary, not text \(it starts with b'.*; save it as UTF-8 text"):
        read_task(path)


@pytest.mark.parametrize("ending", ["csv", "arff", "jsonl"])
def test_half_a_character_at_the_end_is_refused(ending: str, tmp_path: Path) -> None:
    texts = {
        "csv": "a,y\n" + "1,u\n2,v\n" * 9,
        "arff": "@relation r\n@attribute a numeric\n@attribute y {u,v}\n@data\n" + "1,u\n2,v\n" * 9,
        "jsonl": '{"a": 1, "y": "u"}\n' * 9,
    }
    path = tmp_path / f"a.{ending}"
    path.write_bytes(texts[ending].encode("utf-16")[:-1])
    with pytest.raises(DataError, match=r"is no utf-16 text \(.*\); save it as UTF-8"):
        read_task(path)
