"""Dialects: decimal commas, quotes and escapes are found by looking."""

from pathlib import Path

import pytest

from autometa.reading import read_task
from autometa.task import Task


def _read(text: str, folder: Path, name: str = "a.csv") -> Task:
    """The task of a text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_task(path)


def test_a_decimal_comma_is_found_beside_semicolons(tmp_path: Path) -> None:
    task = _read("a;b;day;y\n1,5;1;31.12.2024;u\n-2;2;1.1.2025;v\n;3;2.1.2025;u\n1,25e3;4;3.1.2025;v\n", tmp_path)
    assert task.X["a"].fillna(0).tolist() == [1.5, -2.0, 0.0, 1250.0]
    assert task.X["b"].tolist() == [1, 2, 3, 4]
    assert task.X["day"].dtype.kind == "M"
    assert "numbers have a decimal comma" in task.notes


def test_a_target_with_a_decimal_comma_is_a_regression(tmp_path: Path) -> None:
    task = _read("a\tprice\n" + "".join(f"{i}\t{i},5\n" for i in range(9)), tmp_path, "a.tsv")
    assert task.kind == "regression"
    assert task.y.tolist()[:2] == [0.5, 1.5]


@pytest.mark.parametrize(
    "text",
    [
        'a,b,y\n"1,5",1,u\n"2,5",2,v\n"3,5",3,u\n"3,5",4,v\n',  # beside commas
        "a\tb\ty\n1,500\t1\tu\n12,500\t2\tv\n3,500\t3\tu\n3,500\t4\tv\n",  # perhaps thousands
        "a;b;y\n1.5;1;u\n2.5;1,5;v\n3.5;2;u\n3.5;3;v\n",  # more points than commas
    ],
)
def test_commas_that_may_mean_something_else_are_no_decimal_signs(text: str, tmp_path: Path) -> None:
    assert not any("decimal comma" in note for note in _read(text, tmp_path).notes)


def test_single_quotes_enclose_fields_where_nothing_else_does(tmp_path: Path) -> None:
    task = _read("'a','b','y'\n'x, y','1','u'\n'z','2','v'\n'it''s','3','u'\n'z','4','v'\n", tmp_path)
    assert task.X["a"].tolist() == ["x, y", "z", "it's", "z"]
    assert task.X["b"].tolist() == [1, 2, 3, 4]
    assert "fields are quoted by '" in task.notes


def test_an_apostrophe_is_no_quote(tmp_path: Path) -> None:
    task = _read("a,y\n'tis,u\nrock 'n' roll,v\n'tis,u\nit's,v\n", tmp_path)
    assert task.X["a"].tolist() == ["'tis", "rock 'n' roll", "'tis", "it's"]


def test_a_quote_may_be_escaped_by_a_backslash(tmp_path: Path) -> None:
    text = 'a,b,y\n"5\\" pipe, long",1,u\n"x",2,v\n"6\\" pipe, long",3,u\n"x",4,v\n'
    assert _read(text, tmp_path).X["a"].tolist() == ['5" pipe, long', "x", '6" pipe, long', "x"]


def test_a_backslash_before_a_closing_quote_is_a_backslash(tmp_path: Path) -> None:
    text = 'a,b,y\n"C:\\",1,u\n"D:\\",2,v\n"C:\\",3,u\n"D:\\",4,v\n'
    assert _read(text, tmp_path).X["a"].tolist() == ["C:\\", "D:\\", "C:\\", "D:\\"]
