"""What OpenML says of data sets, tasks and splits: its XML and ARFF files as values."""

import math
import xml.etree.ElementTree as ET  # expat itself bounds what entities expand to
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from autometa.errors import DataError
from autometa.reading.loading import load

CLASSIFICATION, REGRESSION = 1, 2  # types of tasks
CROSS_VALIDATION = "crossvalidation"
NOMINAL, NUMERIC = "nominal", "numeric"  # types of columns; others are strings and dates

_MAX_TEXT = 150  # characters of a name or a licence; those of OpenML have 128 at most
_MAX_LETTERS = 40
_OML = "{http://openml.org/openml}"

Fold = tuple[np.ndarray, np.ndarray]  # positions of training and test rows


class BrokenAnswerError(ValueError):
    """A file that is not what OpenML promises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """What OpenML says of a data set.

    Parameters
    ----------
    number : int
        Its id.
    name : str
        What all versions of it are called.
    version : int
        Number of the version.
    licence : str
        Licence of the data; empty if it is not stated.
    target : str
        The default target, several with commas between them; empty if there is none.
    left_out : tuple of str
        Columns to be left out: those to ignore, and those that number the rows.
    md5 : str
        Checksum of its ARFF file; empty if it is not stated.
    """

    number: int
    name: str
    version: int
    licence: str
    target: str
    left_out: tuple[str, ...]
    md5: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnInfo:
    """What OpenML says of a column: its type, the labels that are declared if it is nominal, whether it is left out."""

    name: str
    type: str
    labels: tuple[str, ...]
    is_left_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """What OpenML says of a task.

    Parameters
    ----------
    number : int
        Its id.
    type : int
        `CLASSIFICATION`, `REGRESSION`, or another that is none of ours.
    dataset : int
        Id of the data set.
    target : str
        The column to be predicted; empty if there is none.
    procedure : int
        Id of the estimation procedure; 0 if it is not stated.
    procedure_type : str
        `CROSS_VALIDATION`, "holdout", ...
    n_repeats, n_folds : int
        Of the procedure; 0 where it is not stated.
    """

    number: int
    type: int
    dataset: int
    target: str
    procedure: int
    procedure_type: str
    n_repeats: int
    n_folds: int

    @property
    def protocol(self) -> str:
        """The name of the protocol, the same for all tasks of one procedure: "openml-1".

        Of a procedure that is repeated, the first repeat is a protocol of its own: "openml-2-first".
        """
        letters = "".join(sign for sign in self.procedure_type if sign.isascii() and (sign.isalnum() or sign == "_"))
        words = str(self.procedure) if self.procedure else f"{letters[:_MAX_LETTERS]}-{self.n_folds}"
        return f"openml-{words}" + ("-first" if self.n_repeats > 1 else "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RepeatSplits:
    """The folds of the first repeat of a task, as positions in the file of the data set."""

    folds: tuple[Fold, ...] = field(repr=False)

    def for_rows(self, rows: np.ndarray, n_rows: int) -> tuple[Fold, ...]:
        """Return the folds as positions among the rows (n_kept,) that were kept of a file of ``n_rows``.

        Raises
        ------
        DataError
            If the folds have rows that the file has not, or nothing is left of one.
        """
        largest = max(int(part.max()) for fold in self.folds for part in fold)
        if largest >= n_rows:
            raise DataError(f"the splits of OpenML have row {largest:,}, the table has {n_rows:,}; report it to OpenML")
        place = np.full(n_rows, -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        kept = tuple((_present(place[train]), _present(place[test])) for train, test in self.folds)
        if any(len(part) == 0 for fold in kept for part in fold):
            raise DataError("a split of OpenML has no row with a target; report it to OpenML")
        return kept


def parse_dataset(path: Path) -> DatasetInfo:
    """Return what a ``description.xml`` says.

    Raises
    ------
    BrokenAnswerError
        As every function here, if the file is not of its form.
    """
    root = _root(path)
    row_ids, ignored = (_texts(root, name) for name in ("row_id_attribute", "ignore_attribute"))
    return DatasetInfo(
        number=_integer(root, "id"),
        name=_bounded("name", _text(root, "name")),
        version=_integer(root, "version"),
        licence=_bounded("licence", _text(root, "licence", "")),
        target=_text(root, "default_target_attribute", ""),
        left_out=(*row_ids, *ignored),
        md5=_text(root, "md5_checksum", ""),
    )


def parse_columns(path: Path) -> tuple[ColumnInfo, ...]:
    """Return what a ``features.xml`` says, in the order of the columns."""
    found = [
        (
            _integer(each, "index"),
            ColumnInfo(
                name=_raw_text(each, "name"),
                type=_text(each, "data_type"),
                labels=tuple(label.text or "" for label in each.findall(f"{_OML}nominal_value")),
                is_left_out="true" in (_text(each, "is_ignore", ""), _text(each, "is_row_identifier", "")),
            ),
        )
        for each in _root(path).findall(f"{_OML}feature")
    ]
    if not found:
        raise BrokenAnswerError(f"no column in {path.name}")
    return tuple(column for _, column in sorted(found, key=lambda pair: pair[0]))


def parse_qualities(path: Path) -> dict[str, float]:
    """Return the numbers of a ``qualities.xml``, without those that are not known."""
    values = {_text(each, "name"): _text(each, "value", "") for each in _root(path).findall(f"{_OML}quality")}
    try:
        numbers = {name: float(value) for name, value in values.items() if value not in ("", "null")}
    except ValueError as error:
        raise BrokenAnswerError(f"{path.name}: {error}") from error
    return {name: number for name, number in numbers.items() if math.isfinite(number)}


def parse_task(path: Path) -> TaskInfo:
    """Return what a ``task.xml`` says."""
    root = _root(path)
    inputs = {each.get("name"): each for each in root.findall(f"{_OML}input")}
    source = inputs.get("source_data")
    data = None if source is None else source.find(f"{_OML}data_set")
    if data is None:
        raise BrokenAnswerError(f"no data set in {path.name}")
    asked = inputs.get("estimation_procedure")
    procedure = None if asked is None else asked.find(f"{_OML}estimation_procedure")
    parameters: dict[str | None, str] = {}
    if procedure is not None:
        parameters = {each.get("name"): (each.text or "").strip() for each in procedure.findall(f"{_OML}parameter")}
    return TaskInfo(
        number=_integer(root, "task_id"),
        type=_integer(root, "task_type_id"),
        dataset=_integer(data, "data_set_id"),
        target=_text(data, "target_feature", ""),
        procedure=0 if procedure is None else _integer(procedure, "id", 0),
        procedure_type="" if procedure is None else _text(procedure, "type", ""),
        n_repeats=_counted(parameters.get("number_repeats")),
        n_folds=_counted(parameters.get("number_folds")),
    )


def parse_splits(path: Path, info: TaskInfo) -> RepeatSplits:
    """Return the first repeat of a ``datasplits.arff``, which must be whole if it is a cross-validation."""
    try:
        frame = load(path).frame
        is_first = frame["repeat"].astype("int64") == 0
        is_test = frame["type"].astype("str") == "TEST"
        rows = frame["rowid"].astype("int64").to_numpy()
        folds = frame["fold"].astype("int64")
    except (DataError, KeyError, ValueError) as error:  # half a file, or none of splits
        raise BrokenAnswerError(f"{path.name}: {error}") from error
    found = tuple(
        (
            np.sort(rows[(is_first & (folds == fold) & ~is_test).to_numpy()]),
            np.sort(rows[(is_first & (folds == fold) & is_test).to_numpy()]),
        )
        for fold in sorted(folds[is_first].unique())
    )
    if not found or any(len(part) == 0 or part[0] < 0 for fold in found for part in fold):
        raise BrokenAnswerError(f"{path.name} has folds without rows")
    if info.procedure_type == CROSS_VALIDATION:
        tested = np.sort(np.concatenate([test for _, test in found]))
        is_whole = np.array_equal(tested, np.arange(len(tested))) and len(found) == (info.n_folds or len(found))
        if not is_whole or any(len(train) + len(test) != len(tested) for train, test in found):
            raise BrokenAnswerError(f"{path.name} does not test each row once")
    return RepeatSplits(folds=found)


def _present(places: np.ndarray) -> np.ndarray:
    """Return the places that are there, ascending."""
    return np.sort(places[places >= 0])


def _root(path: Path) -> ET.Element:
    """Return the outermost element of an XML file."""
    try:
        return ET.parse(path).getroot()  # noqa: S314
    except ET.ParseError as error:
        raise BrokenAnswerError(f"{path.name} is no XML ({error})") from error


def _raw_text(element: ET.Element, name: str) -> str:
    """Return what an element inside of another holds, its blanks too, since those may be of a column's name."""
    found = element.find(_OML + name)
    if found is None or not found.text:
        raise BrokenAnswerError(f"no {name}")
    return found.text


def _texts(element: ET.Element, name: str) -> tuple[str, ...]:
    """Return what all elements of a name hold."""
    return tuple(each.text.strip() for each in element.findall(_OML + name) if each.text and each.text.strip())


def _text(element: ET.Element, name: str, default: str | None = None) -> str:
    """Return what an element holds, or the default where there is none or nothing in it."""
    found = _texts(element, name)
    if not found and default is None:
        raise BrokenAnswerError(f"no {name}")
    return found[0] if found else str(default)


def _bounded(name: str, words: str) -> str:
    """Return words that a base can hold."""
    if len(words) > _MAX_TEXT:
        raise BrokenAnswerError(f"{name} has {len(words)} characters")
    return words


def _integer(element: ET.Element, name: str, default: int | None = None) -> int:
    """Return the whole number that an element holds."""
    words = _text(element, name, None if default is None else str(default))
    try:
        return int(words)
    except ValueError as error:
        raise BrokenAnswerError(f"{name} is {words[:40]!r}, which is no number") from error


def _counted(words: str | None) -> int:
    """Return a number, 0 for words that are none."""
    return int(words) if words and words.isdecimal() else 0


def dataset_name_to_family(name: str) -> str:
    """Return the family of a data set of OpenML: its name, spelt as families are, the same for all its versions."""
    spelt = "".join(sign if sign.isalnum() else "_" for sign in name.casefold())
    return "_".join(part for part in spelt.split("_") if part) or name


def labels_of(values: Iterable[object], declared: Sequence[str]) -> list[str]:
    """Return the declared label that each value of a file stands for, or its own words where there is none.

    Examples
    --------
    >>> labels_of([1.0, 2, True, "red", 0.5], ["1", "02", "TRUE"])
    ['1', '02', 'TRUE', 'red', '0.5']
    """
    folded = {label.casefold(): label for label in reversed(declared)}
    numbers = pd.to_numeric(pd.Series(list(declared), dtype="str"), errors="coerce")
    by_number = {float(number): label for number, label in zip(numbers, declared, strict=True) if number == number}
    found = []
    for value in values:
        if isinstance(value, bool | np.bool_):
            found.append(folded.get(str(value).casefold(), str(value)))
        elif isinstance(value, int | float | np.number):
            number = float(value)
            words = str(int(number)) if number.is_integer() else repr(number)
            found.append(by_number.get(number, words))
        else:
            found.append(str(value))
    return found
