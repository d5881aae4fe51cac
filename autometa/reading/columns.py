"""Columns: raw values of any dtype become a dtype that a `Task` holds, by one rule for every source.

========================================  ==============================================================
raw values                                become
========================================  ==============================================================
booleans                                  bool; with missing values a category of "False" and "True"
numbers, nullable numbers, decimals       NumPy ints, or floats where a value is missing; infinite: missing
dates, timestamps, periods                datetime; durations become seconds
categories                                category; labels that are neither strings nor numbers: strings
strings, all of them "true" or "false"    as booleans
strings, all of them numbers              numbers, unless the source itself says that they are strings
strings, all of them of a style           numbers, see `autometa.reading.number_styles`, if they are no labels
strings, all of them dates                datetime, of ISO 8601 or one of `dates.DATE_FORMATS`
strings, few or short and repeated        category, in sorted order
other strings                             text ("str")
values of several types                   as their strings
========================================  ==============================================================

A string that is one of `MISSING_MARKERS` is a missing value in every source, not in text files alone,
so that a table is the same task whatever it is stored in.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from autometa.errors import DataError
from autometa.reading.dates import parse_dates
from autometa.reading.number_styles import find_number_style
from autometa.reading.resemblance import find_resemblance
from autometa.reading.wording import quote

MISSING_MARKERS = frozenset(
    ["", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-NaN", "-nan", "NaT", "NULL", "Null", "null"]
)
"""Strings that stand for a missing value: those of pandas, without "None", which is a class in many tables,
and with the "?" of ARFF and the UCI repository; blanks around them do not count."""

MAX_CATEGORIES = 20
"""With at most so many distinct strings a column is a category, however long they are."""

MAX_CATEGORY_SHARE = 0.5
"""A column with more distinct strings than this share of its present rows is text: most are unique."""

MAX_CATEGORY_LENGTH = 50
"""With a longer mean length (characters) of the distinct strings, the column is text: these are sentences."""

MAX_GAP_SHARE = 0.1
"""With more words for a missing value than this share of its present rows, a column is none of numbers."""

READ_AS_NUMBERS = "strings read as numbers, "
"""How the remark on a column of a `NumberStyle` begins; the style follows."""

GAPS = "words for a missing value among numbers read as missing"
ALL_MISSING = "left out, for all values are missing"
CONSTANT = "constant, left out"
ALIKE = "alike in the 16 digits that are kept, left out; if the numbers differ, put a letter before each"
INFINITE = "infinite values read as missing"
MIXED = "values of several types read as strings"
DURATION = "durations read as seconds"

_MAX_EXACT = 2.0**53  # larger floats do not tell whole numbers apart

Tidied = tuple[pd.Series, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of strings beforehand: the parameters of `tidy_column`."""

    is_typed: bool = False
    is_label: bool = False
    decimal: str = "."


def tidy_column(column: pd.Series, *, is_typed: bool, is_label: bool = False, decimal: str = ".") -> Tidied:
    """Return a column in a dtype that a `Task` holds, and remarks on it.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Raw values; never changed.
    is_typed : bool
        Whether a string column is known to be one, so that "7" stays a string.
    is_label : bool
        Whether strings are known to be labels, so that "$7" stays one.
    decimal : str
        What stands before the fraction of numbers in the source, "." or ",".

    Returns
    -------
    tidied : Series of shape (n_rows,)
        The values; a float column of NaN if none is present.
    remarks : tuple of str
        What was done or seen: a constant of this module or of `dates`, the order of dates after `READ_AS_DATES`, a
        style after `READ_AS_NUMBERS`, or what the strings look like.

    Raises
    ------
    DataError
        If the values are complex numbers, or strings that are no Unicode text.
    """
    try:
        known = _Known(is_typed=is_typed, is_label=is_label, decimal=decimal)
        tidied, remarks = _tidy(unwrap(column), known)
    except UnicodeEncodeError as error:  # half of a surrogate pair, which Arrow's strings cannot hold
        raise DataError(
            f"column {quote(column.name)} holds {quote(error.object)}, which is no Unicode text; mend the value"
        ) from error
    if tidied.isna().all():
        return _all_missing(tidied), (ALL_MISSING,)
    if not _is_constant(tidied):
        return tidied, remarks
    is_inexact = tidied.dtype.kind == "f" and abs(tidied.iloc[0]) >= _MAX_EXACT
    return tidied, (*remarks, ALIKE if is_inexact else CONSTANT)


def as_category(column: pd.Series) -> pd.Series:
    """Return a tidied column as a category, its labels sorted: numbers, whole ones as integers, else strings.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Values as `tidy_column` returns them; a category is returned as it is.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    codes, distinct = pd.factorize(column, sort=True)
    labels = pd.Index(distinct)
    if labels.dtype.kind == "f" and (labels == np.trunc(labels)).all() and labels.to_series().abs().max() < 2**53:
        labels = labels.astype("int64")
    if labels.dtype.kind not in "iuf":
        labels = pd.Index([str(label) for label in labels], dtype="str")
    return _categorise(codes, labels, like=column)


def unwrap(column: pd.Series) -> pd.Series:
    """Return the values of Arrow-backed, sparse and period columns in a plainer dtype."""
    if isinstance(column.dtype, pd.ArrowDtype):
        arrow = pa.chunked_array(pa.array(column.array))
        if pa.types.is_decimal(arrow.type):
            arrow = arrow.cast(pa.float64())
        return pd.Series(arrow.to_pandas(date_as_object=False), name=column.name)
    if isinstance(column.dtype, pd.SparseDtype):
        return pd.Series(np.asarray(column), name=column.name)
    if isinstance(column.dtype, pd.PeriodDtype):
        return pd.Series(column.dt.to_timestamp())
    return column


def _tidy(values: pd.Series, known: _Known) -> Tidied:
    """Return the tidied values and what was done, by dtype."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _tidy_categories(values)
    if isinstance(dtype, pd.StringDtype):
        return _tidy_strings(values, known)
    if dtype.kind in "iuf":
        return _tidy_numbers(values)
    if dtype.kind == "b":
        return _tidy_booleans(values), ()
    if dtype.kind == "M":
        return _in_named_zone(values), ()
    if dtype.kind == "m":
        return values.dt.total_seconds(), (DURATION,)
    if dtype.kind == "c":
        raise DataError(f"column {quote(values.name)} holds complex numbers; give their parts as two columns")
    return _tidy_objects(values.astype(object), replace(known, is_typed=False))


def _in_named_zone(values: pd.Series) -> pd.Series:
    """Return moments in their time zone, or in UTC where that has no name by which it is found again."""
    zone = getattr(values.dtype, "tz", None)
    if zone is None:
        return values
    try:
        values.head(0).dt.tz_convert(str(zone))
    except (KeyError, ValueError, OSError):  # what zoneinfo raises of a name that is none
        return pd.Series(values.dt.tz_convert("UTC"))
    return values


def _tidy_numbers(values: pd.Series) -> Tidied:
    """Return NumPy ints or floats without infinities."""
    dtype = values.dtype
    if not isinstance(dtype, np.dtype):  # nullable
        has_missing = bool(values.isna().any())
        plain = np.dtype("float64") if dtype.kind == "f" or has_missing else np.dtype(dtype.name.lower())
        array = values.to_numpy(dtype=plain, na_value=np.nan) if has_missing else values.to_numpy(dtype=plain)
        values = pd.Series(array, index=values.index, name=values.name)
    elif dtype.kind == "f" and dtype.itemsize not in (4, 8):
        values = values.astype("float64")
    if values.dtype.kind != "f":
        return values, ()
    array = values.to_numpy()
    is_finite = np.isfinite(array)
    if is_finite.all():
        return values, ()
    remarks = (INFINITE,) if np.isinf(array).any() else ()
    return values.where(is_finite), remarks  # one NaN for all: a signalling one would warn in arithmetic


def _tidy_booleans(values: pd.Series) -> pd.Series:
    """Return a bool column, or a category of strings where values are missing."""
    if not values.isna().any():
        return values.astype(bool)
    codes = values.map({False: 0, True: 1}).astype("float64").fillna(-1).astype("int8")
    return _categorise(codes.to_numpy(), pd.Index(["False", "True"], dtype="str"), like=values)


def _tidy_categories(values: pd.Series) -> Tidied:
    """Return a category without missing-value markers and unused labels; labels are strings or numbers."""
    labels = values.cat.categories
    content = pd.api.types.infer_dtype(labels)
    if content in ("integer", "floating"):
        return values.cat.remove_unused_categories(), ()
    if content != "string":
        texts = values.astype(object).map(str, na_action="ignore").astype("str")
        codes, distinct = pd.factorize(texts, sort=True)
        values = _categorise(codes, pd.Index(distinct, dtype="str"), like=values)
        labels = values.cat.categories
    markers = labels[find_markers(labels.astype("str"))]
    values = values.cat.remove_categories(markers).cat.remove_unused_categories()
    values = values.cat.rename_categories([str(label) for label in values.cat.categories])
    return values, (MIXED,) if content.startswith("mixed") else ()


def _tidy_objects(values: pd.Series, known: _Known) -> Tidied:
    """Return a column of Python objects by what they all are."""
    content = pd.api.types.infer_dtype(values, skipna=True)
    if content == "empty":
        return _all_missing(values), ()
    if content == "string":
        return _tidy_strings(values.astype("str"), known)
    if content == "boolean":
        return _tidy_booleans(values), ()
    if content in ("integer", "floating", "mixed-integer-float", "decimal"):
        narrow = values.infer_objects()  # int64 where it fits
        return _tidy_numbers(narrow if narrow.dtype.kind in "iuf" else values.astype("float64"))
    if content in ("date", "datetime", "datetime64"):
        return pd.to_datetime(values, utc=_has_zones(values)), ()
    texts = values.map(str, na_action="ignore").astype("str")
    tidied, remarks = _tidy_strings(texts, known)
    is_one_type = tidied.dtype.kind in "iufM" or content in ("time", "interval")
    return tidied, remarks if is_one_type else (MIXED,)


def _tidy_strings(values: pd.Series, known: _Known) -> Tidied:
    """Return a column of strings as what all of them stand for; distinct ones alone are looked at."""
    codes, distinct = pd.factorize(values)
    labels = pd.Index(distinct, dtype="str")
    is_marker = find_markers(labels)
    if is_marker.any():
        values = values.mask(np.append(is_marker, True)[codes])
        codes, distinct = pd.factorize(values)
        labels = pd.Index(distinct, dtype="str")
    if labels.empty:
        return _all_missing(values), ()
    if len(labels) <= 6 and set(labels.str.lower()) <= {"true", "false"}:
        truths = pd.Series([label.lower() == "true" for label in labels])
        return _tidy_booleans(_take(truths, codes, like=values)), ()
    numbers = pd.Series(dtype="float64") if known.is_typed else _parse_numbers(labels)
    are_numbers = len(numbers) == len(labels)
    if not are_numbers or known.decimal == ",":  # where "1.234" is no fraction
        styled = _read_styled(values, labels, codes, known)
        if styled is not None:
            return styled
    if are_numbers:
        return _tidy_numbers(_take(numbers, codes, like=values))
    remarks = (MIXED,) if len(numbers) else ()
    dates, format_remarks = parse_dates(labels)
    if dates is not None:
        return _take(pd.Series(dates), codes, like=values), format_remarks
    are_categories = _are_categories(labels, n_present=int((codes >= 0).sum()))
    look = "" if known.is_label else find_resemblance(labels.tolist())
    if look:
        remarks = (*remarks, f"read as {'categories' if are_categories else 'text'}, but looks like {look}")
    if are_categories:
        order = np.argsort(labels.to_numpy(dtype=object), kind="stable")
        rank = np.full(len(labels) + 1, -1)
        rank[order] = np.arange(len(labels))
        return _categorise(rank[codes], labels[order], like=values), remarks
    return values.astype("str"), remarks


def _read_styled(values: pd.Series, labels: "pd.Index[str]", codes: np.ndarray, known: _Known) -> Tidied | None:
    """Return a column of numbers of one style, few words among them missing; None if it is no such column."""
    found = None if known.is_label else find_number_style(labels, known.decimal)
    if found is None:
        return None
    style, gaps = found
    is_gap = np.append(labels.isin(gaps), False)[codes]
    if is_gap.sum() > MAX_GAP_SHARE * (codes >= 0).sum():
        return None
    numbers = pd.to_numeric(pd.Series([style.spell(label) for label in labels], dtype="str"))
    tidied, remarks = _tidy_numbers(_take(numbers, codes, like=values))
    return tidied, (f"{READ_AS_NUMBERS}{style}", *((GAPS,) if gaps else ()), *remarks)


def find_markers(labels: "pd.Index[str]") -> np.ndarray:
    """Return which labels stand for a missing value."""
    return np.asarray(labels.str.strip().isin(list(MISSING_MARKERS)), dtype=bool)


def _are_categories(labels: "pd.Index[str]", n_present: int) -> bool:
    """Return whether the distinct strings of a column with so many present rows are categories."""
    if len(labels) <= MAX_CATEGORIES:
        return True
    mean_length = float(np.mean(labels.str.len()))
    return len(labels) <= MAX_CATEGORY_SHARE * n_present and mean_length <= MAX_CATEGORY_LENGTH


def _parse_numbers(labels: "pd.Index[str]") -> pd.Series:
    """Return the numbers that labels spell, without those that spell none."""
    return pd.to_numeric(pd.Series(labels), errors="coerce").dropna()


def _has_zones(values: pd.Series) -> bool:
    """Return whether the moments among Python objects carry a time zone."""
    return getattr(values.dropna().iloc[0], "tzinfo", None) is not None


def _take(distinct: pd.Series, codes: np.ndarray, *, like: pd.Series) -> pd.Series:
    """Return the distinct value of each row, missing for code -1."""
    taken = distinct.reindex(codes) if (codes < 0).any() else distinct.take(codes)
    return pd.Series(taken.array, index=like.index, name=like.name)


def _categorise(codes: np.ndarray, labels: "pd.Index[str]", *, like: pd.Series) -> pd.Series:
    """Return a category of these labels, without the unused ones."""
    values = pd.Categorical.from_codes(codes, categories=labels)
    return pd.Series(values.remove_unused_categories(), index=like.index, name=like.name)


def _all_missing(values: pd.Series) -> pd.Series:
    """Return a float column of NaN."""
    return pd.Series(np.nan, index=values.index, name=values.name, dtype="float64")


def _is_constant(values: pd.Series) -> bool:
    """Return whether every row holds the same value; a missing one beside it says something."""
    if values.isna().any():
        return False
    if isinstance(values.dtype, pd.CategoricalDtype):
        return len(values.cat.categories) == 1
    if isinstance(values.dtype, pd.StringDtype):
        return values.nunique() == 1
    return bool(values.min() == values.max())
