"""JSON lines: one object a line."""

from pathlib import Path

import pytest

from autometa.errors import DataError
from autometa.reading import read_task
from autometa.reading.loaded import MAX_COLUMNS
from autometa.task import Task


def _read(text: str, folder: Path, name: str = "a.jsonl") -> Task:
    """The task of a text in JSON lines."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_task(path, target="y")


def _refusal(text: str, folder: Path) -> str:
    """The message with which a text is refused."""
    with pytest.raises(DataError) as caught:
        _read(text, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.txt", "a"])
def test_objects_become_rows_and_absent_keys_missing_values(name: str, tmp_path: Path) -> None:
    text = (
        '{"a": 1, "b": true, "c": "7", "day": "2024-01-31", "y": "u"}\n\n'
        '{"y": "v", "a": 2.5, "b": false, "c": "8", "day": "2024-02-01"}\n'
        '{"y": "u", "b": true, "c": null, "day": "2024-02-02"}\n'
        '{"a": 4, "b": true, "c": "7", "day": null, "y": "v"}\n'
    )
    task = _read(text, tmp_path, name)
    assert {name: str(kind) for name, kind in task.column_kinds.items()} == {
        "a": "numeric",
        "b": "boolean",
        "c": "categorical",
        "day": "datetime",
    }
    assert task.X["a"].fillna(-1).tolist() == [1.0, 2.5, -1.0, 4.0]
    assert task.X["c"].isna().tolist() == [False, False, True, False]
    assert task.y.tolist() == ["u", "v", "u", "v"]


def test_a_column_of_several_types_is_read_as_strings(tmp_path: Path) -> None:
    task = _read('{"a": 1, "y": 0}\n{"a": "x", "y": 1}\n{"a": 2.5, "y": 0}\n{"a": null, "y": 1}\n', tmp_path)
    assert task.X["a"].cat.categories.tolist() == ["1", "2.5", "x"]
    assert "values of several types read as strings: 'a'" in task.notes


def test_objects_in_objects_are_read_as_strings(tmp_path: Path) -> None:
    task = _read('{"a": {"b": 1}, "y": 0}\n{"a": {"b": 2}, "y": 1}\n' * 2, tmp_path)
    assert task.X["a"].tolist() == ["{'b': 1}", "{'b': 2}"] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "y": 0}\n{"a": 1, "y": \n', "'a.jsonl': line 2 is no JSON (Expecting value"),
        ('\n{"a": 1, "y": 0}\n\n[1, 2]\n', "'a.jsonl': line 4 is no JSON object but [1, 2]; write one object a line"),
        ('{"a": 1,\n "y": 0}\n', "'a.jsonl': line 1 is no JSON"),
        ('{"a": ' + "[" * 100_000 + "\n", "'a.jsonl': line 1 is no JSON"),
        ('[{"a": 1, "y": 0},\n{"a": 2, "y": 1}]\n', "'a.jsonl' is one JSON array; write one object a line"),
        ("{}\n{}\n", "'a.jsonl' has no columns"),
        (
            '{"a": "x", "y": 0}\n{"a": "\\ud800", "y": 1}\n',
            "'a.jsonl': line 2 holds '\\ud800', which is no Unicode text",
        ),
        ('{"a\\uDC00": 1, "y": 0}\n', "'a.jsonl': line 1 holds '\\udc00', which is no Unicode text"),
    ],
)
def test_a_fault_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    assert _refusal(text, tmp_path).startswith(message)


def test_escapes_that_are_text_are_read(tmp_path: Path) -> None:
    text = '{"gr\\u00fcn": "\\ud83d\\ude00", "y": 0}\n{"gr\\u00fcn": "\\\\ud800", "y": 1}\n' * 2
    task = _read(text, tmp_path)
    assert task.X["grün"].tolist() == ["\U0001f600", "\\ud800"] * 2


def test_too_many_columns_are_refused_before_the_rows_are_read(tmp_path: Path) -> None:
    first = "{" + ", ".join(f'"c{i}": 1' for i in range(MAX_COLUMNS + 1)) + "}"
    assert "has 100,001 columns, more than 100,000" in _refusal(f"{first}\nno JSON", tmp_path)
