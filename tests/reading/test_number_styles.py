"""Styles of numbers: thousands separators, currency signs and percent signs, in columns that are nothing else."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.errors import AutometaWarning, DataError
from autometa.reading import read_task
from autometa.reading.conforming import TableReader
from autometa.reading.loading import read_chunks
from autometa.reading.number_styles import GAP_WORDS, NumberStyle, find_number_style
from autometa.task import ColumnKind, Task

N_ROWS = 40
AMOUNTS = [round(0.37 * 1.4**row, 2) for row in range(N_ROWS)]  # up to 185,000
LABELS = ["u", "v"] * (N_ROWS // 2)


def _english(number: float) -> str:
    """A number as in English."""
    return f"{number:,.2f}"


def _german(number: float) -> str:
    """A number as in German."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


WRITTEN = {
    "1,000.5": [_english(number) for number in AMOUNTS],
    "1.000,5": [_german(number) for number in AMOUNTS],
    "1 000,5": [_german(number).replace(".", "\u202f") for number in AMOUNTS],
    "1'000.5": [_english(number).replace(",", "'") for number in AMOUNTS],
    "$1,000.5": [f"${_english(number)}" for number in AMOUNTS],
    "1.000,5€": [f"{_german(number)} €" for number in AMOUNTS],
    "£1000.5": [f"£ {number:.2f}" for number in AMOUNTS],
    "1000.5%": [f"{number:.2f}%" for number in AMOUNTS],
}


def _read(values: list[str], categorical: Sequence[str] = ()) -> Task:
    """The task of a table with this one column beside another, and a target."""
    frame = pd.DataFrame({"amount": values, "row": range(len(values))})
    return read_task(frame, LABELS[: len(values)], categorical=categorical)


@pytest.mark.parametrize("style", WRITTEN)
def test_a_column_of_one_style_is_numbers_whatever_it_is_stored_in(style: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"amount": WRITTEN[style], "row": np.arange(N_ROWS) + 0.5, "y": LABELS})
    frame.to_csv(tmp_path / "comma.csv", index=False)
    frame.to_csv(tmp_path / "semicolon.csv", index=False, sep=";", decimal=",")
    frame.to_parquet(tmp_path / "typed.parquet")
    sources: tuple[pd.DataFrame | Path, ...] = (frame, frame.astype({"amount": object}), *sorted(tmp_path.iterdir()))
    tasks = [read_task(source, target="y") for source in sources]
    assert len({task.fingerprint for task in tasks}) == 1
    for task in tasks:
        assert task.X["amount"].tolist() == AMOUNTS
        assert task.number_styles == {"amount": style}
        assert not task.identifiers
    example = max(WRITTEN[style], key=len)
    number = NumberStyle.parse(style).spell(example)
    assert any(note == f"strings read as numbers, {example!r} as {number}: 'amount'" for note in tasks[0].notes)


@pytest.mark.parametrize(
    "strings",
    [
        ["12,34", "56,78"],  # a decimal comma, or a pair
        ["1.2.3", "1.3.4"],
        ["192.168.100.200", "192.168.100.201"],
        ["01,234", "11,234"],
        ["007%", "008%"],
        ["171 123 456", "172 123 456"],
        ["+49 171 234 567", "+49 71 234 567"],
        ["1,23,456", "1,234"],
        ["1234", "7,021"],
        ["1,234", "1.234"],
        ["$5", "5"],
        ["$5", "€5"],
        ["$5", "5$"],
        ["$5%", "$6%"],
        ["1.234 €", "2.345 €"],  # may be thousands
        ["12,345%", "23,456%"],
        ["--$5", "$6"],
        ["01.07.2023", "02.07.2023"],
        ["1,234", "many"],
        ["\u0663,\u0664\u0665\u0666", "1,234"],  # Arabic digits
        ["-", "--"],
        ["5", "6"],
    ],
)
def test_strings_that_may_be_something_else_are_of_no_style(strings: list[str]) -> None:
    assert find_number_style(strings) is None


def test_the_decimal_sign_of_a_file_decides_what_may_be_read_in_two_ways() -> None:
    assert [find_number_style(["1,234", "345"], decimal) is not None for decimal in ".,"] == [True, False]
    for decimal, example in ((".", "$1,000.5"), (",", "$1000,5")):
        found = find_number_style(["$1,234", "$345"], decimal)
        assert found is not None
        assert str(found[0]) == example


def test_thousands_without_fractions_are_told_by_the_decimal_commas_beside_them(tmp_path: Path) -> None:
    rows = [f"{number:,}".replace(",", ".") for number in (12, 950, 1234, 12345, 7, 1234567)]
    table = "\n".join(f"{row};{i},5;{'uv'[i % 2]}" for i, row in enumerate(rows))
    (tmp_path / "a.csv").write_text(f"amount;b;y\n{table}\n")
    assert read_task(tmp_path / "a.csv").X["amount"].tolist() == [12, 950, 1234, 12345, 7, 1234567]


def test_a_plain_number_stays_what_it_is() -> None:
    task = _read(["1.234", "12.345", "7", "1.5"] * 10)
    assert task.number_styles == {}
    assert ColumnKind.CATEGORICAL is task.column_kinds["amount"]  # strings of a typed source stay strings


@pytest.mark.parametrize("word", sorted(GAP_WORDS))
def test_few_words_for_a_missing_value_are_missing(word: str) -> None:
    written = [*WRITTEN["1,000.5"][:-3], word.upper(), word, f" {word}"]
    task = _read(written)
    assert task.X["amount"].isna().tolist() == [False] * (N_ROWS - 3) + [True] * 3
    assert "words for a missing value among numbers read as missing: 'amount'" in task.notes
    assert _read([*written[:-12], *[word] * 12]).column_kinds["amount"] is not ColumnKind.NUMERIC


def test_a_column_that_is_wanted_as_a_category_keeps_its_strings() -> None:
    task = _read(["5%", "10%", "5%", "20%"] * 10, categorical=["amount"])
    assert task.X["amount"].cat.categories.tolist() == ["10%", "20%", "5%"]


def test_further_tables_are_read_in_the_style_of_training(tmp_path: Path) -> None:
    reader = TableReader.of(_read(WRITTEN["1.000,5"]))
    new = pd.DataFrame({"amount": ["1.234", "-5,5", "12345", " 7.021,56 ", "?", "-"], "row": range(6)})
    expected = [1234.0, -5.5, 12345.0, 7021.56, np.nan, np.nan]
    np.testing.assert_array_equal(reader.read(new)["amount"], expected)
    np.testing.assert_array_equal(reader.read(new.assign(amount=expected))["amount"], expected)
    for name, decimal in (("a.csv", "."), ("b.csv", ",")):
        new.assign(other=0.5).to_csv(tmp_path / name, sep=";", decimal=decimal, index=False)
        pieces = pd.concat(list(reader.read_all(read_chunks(tmp_path / name, 4))))
        np.testing.assert_array_equal(pieces["amount"], expected)


def test_what_is_not_of_the_style_of_training_is_told_and_never_guessed() -> None:
    reader = TableReader.of(_read(WRITTEN["1.000,5"]))
    with pytest.warns(AutometaWarning, match=r"column 'amount': 1 value of 3 cannot be read as in training.*'0\.25'"):
        read = reader.read(pd.DataFrame({"amount": ["1,5", "0.25", "2,5"], "row": [1, 2, 3]}))
    np.testing.assert_array_equal(read["amount"], [1.5, np.nan, 2.5])
    with pytest.raises(DataError, match="'amount' was numeric in training, but 2 of 3 values cannot be read so"):
        reader.read(pd.DataFrame({"amount": ["1.5", "0.25", "2,5"], "row": [1, 2, 3]}))


def test_a_target_is_read_in_the_style_of_training() -> None:
    frame = pd.DataFrame({"a": np.arange(N_ROWS) + 0.5, "price": WRITTEN["$1,000.5"]})
    reader = TableReader.of(read_task(frame, target="price"))
    assert reader.read_target(frame).tolist() == AMOUNTS
    assert reader.read_target(pd.DataFrame({"price": [12.5, 7]})).tolist() == [12.5, 7.0]
    with pytest.raises(DataError, match="the target 'price' holds '7€', which is no number"):
        reader.read_target(pd.DataFrame({"price": ["7€"]}))


def test_what_no_style_prints_as_is_refused() -> None:
    with pytest.raises(ValueError, match="'1000' is no style of numbers; give one such as"):
        NumberStyle.parse("1000")
