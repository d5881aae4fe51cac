"""Raw columns of any dtype read as one kind that is known beforehand; what cannot be read so is told."""

import math
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from autometa.reading.columns import find_markers, unwrap
from autometa.reading.dates import DATE_FORMATS, TIMES
from autometa.reading.number_styles import NumberStyle, is_gap_word

_AMBIGUOUS = ("%m/%d/%Y", "%d/%m/%Y")  # which of them a date is cannot be told from the date
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A column read as its kind.

    Parameters
    ----------
    values : Series of shape (n_rows,)
        The values; missing where they are, or could not be read.
    unread : tuple of str
        Present values that could not be read, as they print, one for each row.
    """

    values: pd.Series
    unread: tuple[str, ...] = ()


def read_numbers(column: pd.Series, decimal: str = ".", style: str = "") -> Converted:
    """Return a column as float64: durations in seconds, booleans as 0 and 1; infinite ones are missing.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Numbers, booleans, durations, or strings that spell numbers.
    decimal : str
        What stands before the fraction of strings.
    style : str
        The `NumberStyle` of strings as it prints, whose decimal sign goes first; empty if there is none.
    """
    raw = _plain(column)
    if raw.dtype.kind == "m":
        return Converted(values=raw.dt.total_seconds())
    if raw.dtype.kind in "iufb":
        numbers = pd.Series(raw.to_numpy(dtype="float64", na_value=np.nan), index=raw.index, name=raw.name)
        return Converted(values=numbers.where(np.isfinite(numbers)))
    texts = read_texts(raw)
    codes, distinct = pd.factorize(texts)
    labels = pd.Series(distinct, dtype="str")
    if style:
        is_gap = labels.map(is_gap_word).to_numpy(dtype=bool)
        texts = texts.mask(np.append(is_gap, False)[codes])
        spelled = labels.map(NumberStyle.parse(style).spell).astype("str")
    else:
        spelled = labels if decimal == "." else labels.str.replace(decimal, ".", regex=False)
    parsed = pd.to_numeric(spelled, errors="coerce").to_numpy(dtype="float64", copy=True)
    is_odd = np.isnan(parsed)
    parsed[is_odd] = spelled[is_odd].map(_from_hexadecimal, na_action="ignore").astype("float64")
    values = pd.Series(np.append(parsed, np.nan)[codes], index=raw.index, name=raw.name)
    unread = _unread(texts, values)
    return Converted(values=values.where(np.isfinite(values)), unread=unread)


def _from_hexadecimal(text: str) -> float:
    """Return a hexadecimal number, as Arrow reads them in files; NaN for any other text."""
    return float(int(text, 16)) if re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}", text) else math.nan


def read_booleans(column: pd.Series) -> Converted:
    """Return a column as bool, or as a category of "False" and "True" where values are missing."""
    raw = _plain(column)
    texts = read_texts(raw)
    codes, distinct = pd.factorize(texts.str.strip().str.lower())
    meant = {"true": 1, "false": 0, "1": 1, "0": 0, "1.0": 1, "0.0": 0}
    truths = np.append([meant.get(label, -1) for label in distinct], -1).astype("int8")[codes]
    categories = pd.Categorical.from_codes(truths, categories=pd.Index(["False", "True"], dtype="str"))
    values = pd.Series(categories, index=raw.index, name=raw.name)
    if (truths >= 0).all():
        return Converted(values=pd.Series(truths.astype(bool), index=raw.index, name=raw.name))
    return Converted(values=values, unread=_unread(texts, values))


def read_moments(column: pd.Series, date_order: str, zone: str) -> Converted:
    """Return a column as datetime in a time zone, or without one (then those with an offset are in UTC).

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Moments, dates, or strings: of ISO 8601, of the given order, or of another one that cannot be mistaken.
    date_order : str
        The order of the parts, a value of `DATE_FORMATS`; empty if there is none.
    zone : str
        The time zone, or empty.
    """
    raw = _plain(column)
    if raw.dtype.kind == "M":
        return Converted(values=_in_zone(raw, zone))
    if raw.dtype == object and pd.api.types.infer_dtype(raw, skipna=True) in ("date", "datetime", "datetime64"):
        return Converted(values=_in_zone(pd.to_datetime(raw, utc=True), zone))
    texts = read_texts(raw)
    is_number = raw.dtype.kind in "iufbm"  # a number is no date, though "2020" is one of ISO 8601
    codes, distinct = pd.factorize(texts.mask(np.full(len(texts), is_number)))
    moments = _parse_moments(pd.Series(distinct, dtype="str"), date_order)
    taken = pd.Series(moments.reindex(codes).array, index=raw.index, name=raw.name)
    return Converted(values=_in_zone(taken, zone), unread=_unread(texts, taken))


def read_texts(column: pd.Series) -> pd.Series:
    """Return a column as strings without markers of missing values; whole numbers are spelled without a point."""
    raw = _plain(column)
    if not isinstance(raw.dtype, pd.StringDtype):
        raw = _spell(raw)
    codes, distinct = pd.factorize(raw)
    labels = pd.Index(distinct, dtype="str")
    is_marker = find_markers(labels)
    return raw.mask(np.append(is_marker, True)[codes]) if is_marker.any() else raw


def _plain(column: pd.Series) -> pd.Series:
    """Return the values of a column without categories, and objects of one type in its dtype."""
    raw = unwrap(column)
    if isinstance(raw.dtype, pd.CategoricalDtype):
        raw = raw.astype(object)
    if raw.dtype != object:
        return raw
    content = pd.api.types.infer_dtype(raw, skipna=True)
    if content == "string":
        return raw.astype("str")
    if content in _NUMBERS:
        narrow = raw.infer_objects()
        return narrow if narrow.dtype.kind in "iuf" else raw.astype("float64")
    if content in ("boolean", "timedelta", "timedelta64"):
        return raw.astype("boolean" if content == "boolean" else "timedelta64[ns]")
    return raw


def _spell(raw: pd.Series) -> pd.Series:
    """Return other values as strings, missing ones as missing."""
    if raw.dtype.kind == "f":
        present = raw.dropna()
        if (present == np.trunc(present)).all() and (present.abs() < 2**53).all():
            raw = raw.astype("Int64")
    return raw.astype(object).map(str, na_action="ignore").astype("str")


def _parse_moments(labels: pd.Series, date_order: str) -> pd.Series:
    """Return the moments in UTC that distinct labels spell, by the first way that reads each; NaT where none does."""
    asked = [date for date, order in DATE_FORMATS.items() if order == date_order]
    others = [date for date in DATE_FORMATS if date not in (*asked, *_AMBIGUOUS)]
    formats = ["ISO8601", *(date + time for date in (*asked, *others) for time in TIMES)]
    moments = pd.Series(pd.NaT, index=labels.index, dtype="datetime64[us, UTC]")
    for form in formats:
        left = labels[moments.isna()]
        if left.empty:
            break
        parsed = pd.to_datetime(left.str.strip(), format=form, errors="coerce", utc=True)
        moments[left.index] = parsed.astype(moments.dtype)
    return moments


def _in_zone(moments: pd.Series, zone: str) -> pd.Series:
    """Return moments in a time zone, or in UTC and without one; those that have none are taken to be in UTC."""
    is_aware = isinstance(moments.dtype, pd.DatetimeTZDtype)
    aware: pd.Series = moments if is_aware else moments.dt.tz_localize("UTC")
    return pd.Series(aware.dt.tz_convert(zone) if zone else aware.dt.tz_convert("UTC").dt.tz_localize(None))


def _unread(texts: pd.Series, values: pd.Series) -> tuple[str, ...]:
    """Return the present values that became none."""
    return tuple(texts[texts.notna().to_numpy() & values.isna().to_numpy()])
