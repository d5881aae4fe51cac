"""`TableReader`: further tables are read as a training table was, by the kinds of its columns, never inferred anew.

================  ==========================================================================================
kind of column    values that are read
================  ==========================================================================================
numeric           numbers, booleans, durations (seconds), strings that spell numbers, in the style of training
                  if that had one; infinite: missing
boolean           booleans, "true" and "false" in any case, 1 and 0
categorical       every value, spelled as in training: where labels were numbers, "01" is 1
datetime          moments, and strings of ISO 8601, of the order of parts in training, or of an unmistakable one
text              every value
================  ==========================================================================================

A string that is one of `autometa.reading.columns.MISSING_MARKERS` is missing. Another value that cannot be read as
its kind counts as missing too, with a warning; where that is more than `MAX_UNREAD_SHARE` of the present values of a
column, the table is refused.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import numpy as np
import pandas as pd

from autometa.errors import AutometaWarning, DataError
from autometa.reading.converting import Converted, read_booleans, read_moments, read_numbers, read_texts
from autometa.reading.frames import Frame, load_frame
from autometa.reading.loaded import Loaded
from autometa.reading.target import offer_names
from autometa.reading.wording import count, enumerate_names, quote
from autometa.task import ColumnKind, Task

MAX_UNREAD_SHARE = 0.5
"""With more unreadable values than this share of the present ones, a column is something else than it was."""


class Spelling(StrEnum):
    """What the labels of a category are, which decides how values are spelled to be found among them."""

    WORDS = "words"
    NUMBERS = "numbers"
    BOOLEANS = "booleans"
    MOMENTS = "moments"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRule:
    """How the values of one column are read.

    Parameters
    ----------
    kind : ColumnKind
        Its kind in training.
    spelling : Spelling
        Of a category: what its labels are.
    is_whole : bool
        Of a category of numbers: whether all its labels are whole, so that 1.0 is spelled "1".
    date_order : str
        Of dates: the order of their parts that strings had, where that was not ISO 8601.
    zone : str
        Of dates, and of categories that are dates: the time zone; empty if it has none.
    number_style : str
        Of numbers: the `autometa.reading.number_styles.NumberStyle` that strings had, as it prints, where they were
        not plain.
    """

    kind: ColumnKind
    spelling: Spelling = Spelling.WORDS
    is_whole: bool = False
    date_order: str = ""
    zone: str = ""
    number_style: str = ""

    @classmethod
    def of(cls, column: pd.Series, date_order: str = "", number_style: str = "") -> Self:
        """Return the rule by which a column of a task was read, from its dtype and labels."""
        kind, zone = ColumnKind.TEXT, ""
        if isinstance(column.dtype, pd.CategoricalDtype):
            spelling, is_whole, zone = _spelling_of(column.cat.categories)
            return cls(
                kind=ColumnKind.CATEGORICAL, spelling=spelling, is_whole=is_whole, date_order=date_order, zone=zone
            )
        if column.dtype.kind == "b":
            kind = ColumnKind.BOOLEAN
        elif column.dtype.kind == "M":
            kind, zone = ColumnKind.DATETIME, str(getattr(column.dtype, "tz", None) or "")
        elif column.dtype.kind in "iuf":
            kind = ColumnKind.NUMERIC
        return cls(kind=kind, date_order=date_order, zone=zone, number_style=number_style)

    def read(self, column: pd.Series, decimal: str) -> Converted:
        """Return the values of a raw column, and which of the present ones could not be read."""
        if self.kind is ColumnKind.NUMERIC:
            return read_numbers(column, decimal, self.number_style)
        if self.kind is ColumnKind.BOOLEAN or (self._is_category and self.spelling is Spelling.BOOLEANS):
            return read_booleans(column)
        if self.kind is ColumnKind.DATETIME:
            return read_moments(column, self.date_order, self.zone)
        texts = read_texts(column)
        return Converted(values=self._spell(texts, decimal).astype("category") if self._is_category else texts)

    @property
    def _is_category(self) -> bool:
        """Whether values are labels."""
        return self.kind is ColumnKind.CATEGORICAL

    def _spell(self, texts: pd.Series, decimal: str) -> pd.Series:
        """Return labels as training spelled them; what cannot be spelled so is left as it is, an unseen label."""
        if self.spelling is Spelling.WORDS:
            return texts
        distinct = pd.Series(texts.dropna().unique(), dtype="str")
        if self.spelling is Spelling.MOMENTS:
            values = read_moments(distinct, self.date_order, self.zone).values.dropna()
            spelled = values.map(str).tolist()
        else:
            values = read_numbers(distinct, decimal).values.dropna()
            texts_read = distinct[values.index].tolist()
            spelled = [_spell_number(*pair, is_whole=self.is_whole) for pair in zip(texts_read, values, strict=True)]
        known = dict(zip(distinct[values.index], spelled, strict=True))
        return texts.map(known, na_action="ignore").astype("str").fillna(texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReader:
    """How a fitted pipeline sees tables: the columns it was trained on, in their order, of their kinds.

    Parameters
    ----------
    rules : mapping of str to ColumnRule
        Name to how the column is read; identifiers, which no pipeline uses, are not among them.
    target : str
        Name of the target column.
    classes : tuple
        The classes of the target, sorted: strings, integers or booleans; empty for regression.
    target_style : str
        Of a regression: the style of the target's numbers, as of a `ColumnRule`.

    Examples
    --------
    >>> from autometa.reading import read_task
    >>> task = read_task(pd.DataFrame({"size": [1, 2, 3, 4], "new": ["yes", "no", "no", "yes"], "y": list("abab")}))
    >>> reader = TableReader.of(task)
    >>> reader.read(pd.DataFrame({"new": ["no", "?"], "size": ["2.5", " 3 "], "note": [1, 2]})).to_dict("list")
    {'size': [2.5, 3.0], 'new': ['no', nan]}
    """

    rules: Mapping[str, ColumnRule]
    target: str
    classes: tuple[Any, ...] = ()
    target_style: str = ""

    @classmethod
    def of(cls, task: Task) -> Self:
        """Return the reader of tables like that of a task."""
        orders, styles = task.date_orders, task.number_styles
        rules = {
            name: ColumnRule.of(task.X[name], orders.get(name, ""), styles.get(name, "")) for name in task.used_columns
        }
        style = styles.get(task.target, "")
        return cls(rules=rules, target=task.target, classes=task.classes, target_style=style)

    @property
    def columns(self) -> dict[str, ColumnKind]:
        """The columns and their kinds, in the order of the training table."""
        return {name: rule.kind for name, rule in self.rules.items()}

    def read(self, source: Frame, *, decimal: str = ".") -> pd.DataFrame:
        """Return a table (n_rows, n_columns) of the columns of training alone, in their order, and of their kinds.

        Parameters
        ----------
        source : table of shape (n_rows, any number of columns)
            Of pandas, polars, pyarrow or whatever speaks Arrow, or a NumPy array, whose columns are "x0", "x1", ...
            Never changed.
        decimal : str
            What stands before the fraction of numbers that are strings.

        Raises
        ------
        DataError
            If a column is missing, mostly unreadable as its kind, or there are no rows.
        """
        loaded = load_frame(source)
        tally = _Tally()
        table = self._convert(loaded.frame, decimal, loaded.label, tally)
        tally.warn()
        return table

    def read_all(self, chunks: Iterable[Loaded]) -> Iterator[pd.DataFrame]:
        """Yield the pieces of a table, each as `read` gives it; unreadable values are counted over all so far.

        Raises
        ------
        DataError
            As `read`.
        """
        tally = _Tally()
        for chunk in chunks:
            yield self._convert(chunk.frame, chunk.decimal, chunk.label, tally)
        tally.warn()

    def read_target(self, frame: pd.DataFrame, *, decimal: str = ".") -> pd.Series:
        """Return the target of a raw table (n_rows,): classes as in training, or numbers; NaN where it is missing.

        Raises
        ------
        DataError
            If there is no such column, or it holds a class unknown in training or what is no number.
        """
        if self.target not in frame.columns:
            raise DataError(
                f"there is no target column {quote(self.target)}; {offer_names(list(frame.columns), self.target)}"
            )
        column = frame[self.target]
        if not self.classes:
            converted = read_numbers(column, decimal, self.target_style)
            if converted.unread:
                raise DataError(
                    f"the target {quote(self.target)} holds {quote(converted.unread[0])}, which is no number; mend it"
                )
            return converted.values
        texts = read_texts(column)
        known = self._known_classes(texts.dropna().unique().tolist(), decimal)
        return texts.map(known).astype(object).where(texts.notna(), np.nan)

    def _known_classes(self, labels: Sequence[str], decimal: str) -> dict[str, Any]:
        """Return the class that each label spells: exactly, else as a boolean or number of another spelling."""
        by_text = {str(label): label for label in self.classes}
        by_value: dict[str, Any] = {}
        for convert in (read_booleans, lambda texts: read_numbers(texts, decimal)):
            spelled = _as_keys(convert(pd.Series(list(by_text), dtype="str")))
            if "" not in spelled and len(set(spelled)) == len(spelled):
                class_of = dict(zip(spelled, self.classes, strict=True))
                values = _as_keys(convert(pd.Series(labels, dtype="str")))
                by_value |= {
                    label: class_of[value] for label, value in zip(labels, values, strict=True) if value in class_of
                }
        found = {label: by_text.get(label, by_value.get(label)) for label in labels}
        unknown = [label for label, known in found.items() if known is None]
        if unknown:
            raise DataError(
                f"the target {quote(self.target)} holds what was no class in training: {enumerate_names(unknown)}; "
                f"the classes are {enumerate_names(list(by_text))}"
            )
        return found

    def _convert(self, frame: pd.DataFrame, decimal: str, label: str, tally: "_Tally") -> pd.DataFrame:
        """Return the columns of training."""
        missing = [name for name in self.rules if name not in frame.columns]
        if missing:
            raise _lacking(missing, [name for name in frame.columns if name not in self.rules], label)
        columns = {}
        for name, rule in self.rules.items():
            try:
                converted = rule.read(frame[name], decimal)
            except UnicodeEncodeError as error:
                raise DataError(
                    f"column {quote(name)} holds {quote(error.object)}, which is no Unicode text; mend the value"
                ) from error
            tally.add(name, rule.kind, converted)
            columns[name] = converted.values
        return pd.DataFrame(columns, index=frame.index, copy=False)


@dataclass(slots=True)
class _Tally:
    """How many values of each column were present, and could not be read."""

    n_present: dict[str, int] = field(default_factory=dict)
    n_unread: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, kind: ColumnKind, converted: Converted) -> None:
        """Count the values of a column, and raise if most of those so far could not be read."""
        n_unread = len(converted.unread)
        n_present = int(converted.values.notna().sum()) + n_unread
        self.n_present[name] = self.n_present.get(name, 0) + n_present
        if not n_unread:
            return
        self.n_unread[name] = self.n_unread.get(name, 0) + n_unread
        self.examples.setdefault(name, quote(converted.unread[0]))
        if self.n_unread[name] > MAX_UNREAD_SHARE * self.n_present[name]:
            raise DataError(
                f"column {quote(name)} was {kind} in training, but {self.n_unread[name]:,} of "
                f"{count(self.n_present[name], 'value')} cannot be read so, such as {self.examples[name]}; "
                "give the column that the model was trained on"
            )

    def warn(self) -> None:
        """Warn of the values that could not be read."""
        for name, n_unread in self.n_unread.items():
            message = (
                f"column {quote(name)}: {count(n_unread, 'value')} of {self.n_present[name]:,} cannot be read as in "
                f"training and {'counts' if n_unread == 1 else 'count'} as missing, such as {self.examples[name]}"
            )
            warnings.warn(message, AutometaWarning, stacklevel=3)


def _lacking(missing: Sequence[str], others: Sequence[str], label: str) -> DataError:
    """Return the error that names the columns that are not there, and what may be they under other names."""
    what = f"{'column' if len(missing) == 1 else 'columns'} {enumerate_names(missing)}"
    hints = [offer_names(others, name) for name in missing[:3]] if others else []
    close = [hint for hint in hints if hint.startswith("did you mean")]
    offered = f" ({'; '.join(dict.fromkeys(close))})" if close else ""
    return DataError(f"{label} lacks the {what} that the model was trained on{offered}; give all of its columns")


def _spelling_of(labels: pd.Index) -> tuple[Spelling, bool, str]:
    """Return what the labels of a category are, whether they are whole numbers, and the zone of moments."""
    if labels.dtype.kind in "iuf":
        return Spelling.NUMBERS, labels.dtype.kind != "f" or bool((labels == np.trunc(labels)).all()), ""
    texts = pd.Series(labels, dtype="str")
    if set(texts) <= {"True", "False"}:
        return Spelling.BOOLEANS, False, ""
    for zone in ("", "UTC"):
        moments = read_moments(texts, "", zone).values
        if len(texts) and moments.notna().all() and (moments.map(str) == texts).all():
            return Spelling.MOMENTS, False, zone
    return Spelling.WORDS, False, ""


def _as_keys(converted: Converted) -> list[str]:
    """Return values as strings that are alike where the values are, empty for those that could not be read."""
    return ["" if pd.isna(value) else str(value) for value in converted.values]


def _spell_number(text: str, number: float, *, is_whole: bool) -> str:
    """Return a number as the label of a category that is spelled so; beyond 2**53 only its text is exact."""
    if not is_whole:
        return str(float(number))
    if text.strip().lstrip("+-").isdecimal():
        return str(int(text))
    return str(int(number)) if float(number).is_integer() else str(float(number))
