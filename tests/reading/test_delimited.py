"""Delimited text: delimiters and encodings are found, faults are named with their line."""

from pathlib import Path

import numpy as np
import pytest

from autometa.errors import DataError, UserError
from autometa.reading import read_task
from autometa.task import Task

EXAMPLES = Path(__file__).parents[2] / "data" / "examples"
ROWS = "1,2,u\n3,4,v\n5,6,u\n7,8,v\n"


def _read(content: str | bytes, folder: Path, name: str = "a.csv") -> Task:
    """The task of a file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_task(path)


def _refusal(content: str | bytes, folder: Path) -> str:
    """The message with which a file of this content is refused."""
    with pytest.raises(DataError) as caught:
        _read(content, folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def _try(content: bytes, folder: Path) -> Task | str:
    """The task of a file with this content, or the message with which it is refused."""
    try:
        return _read(content, folder)
    except UserError as error:
        return str(error)


@pytest.mark.parametrize(("delimiter", "spoken"), [(",", ""), (";", "a semicolon"), ("\t", "a tab"), ("|", "|")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_delimiter_is_found_by_looking(delimiter: str, spoken: str, end: str, tmp_path: Path) -> None:
    lines = ["a,b,y", '1,"x;y|z\tw,",u', "2,2,v", "3,2,u", "4,2,v", ""]
    quoted = lines[1]
    text = end.join(line.replace(",", delimiter) for line in lines)
    text = text.replace(
        quoted.replace(",", delimiter), quoted.replace(",", delimiter, 1).replace(",u", f"{delimiter}u")
    )
    task = _read(text, tmp_path)
    assert list(task.X.columns) == ["a", "b"]
    assert task.y.tolist() == ["u", "v", "u", "v"]
    assert [note for note in task.notes if "separated" in note] == (
        [f"fields are separated by {spoken}"] if spoken else []
    )


def test_a_text_with_commas_between_tabs_is_split_at_the_tabs(tmp_path: Path) -> None:
    text = "id\ttext\ty\n" + "".join(f"{i}\tone, two, {i}\t{'uv'[i % 2]}\n" for i in range(6))
    assert list(_read(text, tmp_path, "a.txt").X.columns) == ["id", "text"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,y\n", "'a.csv' has a header of 3 columns but no rows; give a table with rows"),
        ("a\n1\n2\n", "'a.csv' has one column, 'a'; fields are to be separated by a comma, semicolon, tab or |"),
        (
            "a,b,a,b,y\n1,2,3,4,u\n",
            "the header of 'a.csv' repeats 'a', 'b'; rename columns, "
            "or put a header above the first line if that is data",
        ),
        (
            'a,b,y\n1,2,u\n\n3,"x\ny",u\n4,5,6,v\n' + ROWS,
            "'a.csv': line 6 has 4 fields, the header 3; mend it, or quote the field that holds a comma",
        ),
        (
            "a;b;y\n1;2;u\n3;4\n5;6;v\n7;8;v\n",
            "'a.csv': line 3 has 2 fields, the header 3; mend it, or quote the field that holds a semicolon",
        ),
        (
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
            r"'a.csv' is binary, not text (it starts with b'\x89PNG\r\n\x1a\n'); save it as UTF-8 text or Parquet",
        ),
    ],
)
def test_a_faulty_file_is_refused_in_one_line(content: str | bytes, message: str, tmp_path: Path) -> None:
    assert _refusal(content, tmp_path) == message


def test_a_quote_that_is_never_closed_is_refused_with_its_line(tmp_path: Path) -> None:
    lines = "".join(f"{i},{i},{'uv'[i % 2]}\n" for i in range(50_000))
    message = _refusal('a,b,y\n1,2,u\n3,"4,v\n' + lines, tmp_path)
    assert message == "'a.csv': a quoted field starts on line 3 and does not end; close it"


def test_random_bytes_are_refused(tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(5000).replace(b"\0", b"\1")
    assert "is binary, not text" in _refusal(content, tmp_path)


def test_too_many_columns_are_refused_before_reading(tmp_path: Path) -> None:
    header = ",".join(f"c{i}" for i in range(100_001))
    assert "has 100,001 columns, more than 100,000" in _refusal(f"{header}\n1,2\n", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa,b,y\n" + ROWS.encode(),
        b"\n\r\na,b,y\n" + ROWS.encode(),
        b"a,b,y\n" + ROWS.replace("\n", "\n\n").encode(),
        b"a,b,y\r" + ROWS.replace("\n", "\r").encode(),
        b"a,b,y\n" + ROWS.rstrip().encode(),
        b'"a","b","y"\n' + ROWS.encode(),
    ],
    ids=[
        "byte order mark",
        "blank lines above",
        "blank lines between",
        "carriage returns",
        "no last newline",
        "quotes",
    ],
)
def test_common_ways_to_write_a_table_are_read_alike(content: bytes, tmp_path: Path) -> None:
    task = _read(content, tmp_path)
    assert task.X.to_dict("list") == {"a": [1, 3, 5, 7], "b": [2, 4, 6, 8]}
    assert task.y.tolist() == ["u", "v", "u", "v"]


def test_a_header_may_hold_line_breaks_and_lack_names(tmp_path: Path) -> None:
    task = _read('"a\nb",,y\n' + ROWS, tmp_path)
    assert list(task.X.columns) == ["a\nb", "Unnamed: 1"]
    assert task.n_rows == 4


def test_text_in_the_encoding_of_windows_is_read_and_said(tmp_path: Path) -> None:
    task = _read("größe,y\nklein,ü\ngroß,v\nklein,ü\ngroß,v\n".encode("cp1252"), tmp_path)
    assert list(task.X.columns) == ["größe"]
    assert task.classes == ("v", "ü")
    assert "the text is not UTF-8, read as cp1252" in task.notes


def test_text_in_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    message = _refusal(b"a,y\n\x81\x8d,u\n" + b"x,v\n" * 5, tmp_path)
    assert message.endswith("save it as UTF-8")


def test_a_header_of_numbers_is_pointed_out(tmp_path: Path) -> None:
    task = _read("5.1,3.5,0\n4.9,3.0,0\n6.0,3.0,1\n5.5,2.0,1\n5.8,2.7,0\n", tmp_path)
    assert any("every name in the header is a number" in note for note in task.notes)


def test_times_of_day_stay_as_they_are_written(tmp_path: Path) -> None:
    column = _read("at,y\n9:30,u\n10:00,v\n9:30,u\n10:00,v\n", tmp_path).X["at"]
    assert column.cat.categories.tolist() == ["10:00", "9:30"]


def test_a_column_whose_type_shows_late_is_read_whole(tmp_path: Path) -> None:
    n = 200_000  # more than one block of Arrow's reader
    rows = "".join(f"{i},{i},{i % 2}\n" for i in range(n)) + "x,1.5,0\n"
    task = _read("a,b,y\n" + rows, tmp_path)
    assert task.X["a"].iloc[-1] == "x"
    assert task.X["a"].iloc[0] == "0"
    assert task.X["b"].dtype == "float64"


def test_mutated_files_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    sound = (EXAMPLES / "wine.csv").read_bytes()
    pieces = [b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"inf", b"1e999", b"NA", b";", b"2020-13-45", b"9" * 400]
    outcomes: set[type] = set()
    for _ in range(100):
        content = bytearray(sound)
        for _ in range(generator.integers(1, 4)):
            place = int(generator.integers(len(content)))
            if generator.random() < 0.5:
                content[place : place + int(generator.integers(0, 3))] = pieces[generator.integers(len(pieces))]
            else:
                del content[place : place + int(generator.integers(1, 200))]
        outcome = _try(bytes(content), tmp_path)
        assert isinstance(outcome, Task) or "\n" not in outcome
        outcomes.add(type(outcome))
    assert outcomes == {Task, str}  # some are still sound, some are not
