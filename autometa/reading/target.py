"""The target: which column it is, what kind of prediction it asks for, and its labels or numbers."""

import difflib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from autometa.errors import DataError, OptionError
from autometa.reading.resemblance import find_units
from autometa.reading.wording import count, enumerate_names, quote
from autometa.task_kind import TaskKind

MAX_INTEGER_CLASSES = 20
"""More distinct whole numbers than this are a regression."""

MAX_INTEGER_CLASS_SHARE = 0.05
"""More distinct whole numbers than this share of the rows are a regression; two are always classes."""

MIN_CLASS_ROWS = 2
"""So many rows a class needs to be seen in training and in testing; at least two classes must have them."""

_LARGEST_WHOLE = 2.0**53
"""Above it, float64 does not tell whole numbers apart."""


def find_target(names: Sequence[str], target: str | int) -> int:
    """Return the position, from 0, of the column with this name, or at this position.

    A string of digits is a position unless a column has that name; negative positions count from the end.

    Raises
    ------
    DataError
        If there is no such column; the closest names are offered.
    """
    if isinstance(target, str):
        if target in names:
            return list(names).index(target)
        if not target.removeprefix("-").isdecimal():
            raise DataError(f"there is no column {quote(target)}; {offer_names(names, target)}")
    position = int(target)
    if not -len(names) <= position < len(names):
        raise DataError(f"there is no column {position}; the table has columns 0 to {len(names) - 1}")
    return position % len(names)


def parse_kind(kind: TaskKind | str | None) -> TaskKind | str | None:
    """Return the kind asked for: a `TaskKind`, "classification", or None for an open question.

    Raises
    ------
    OptionError
        If it is none of these.
    """
    if kind is None or kind == "classification":
        return kind
    try:
        return TaskKind(kind)
    except ValueError as error:
        choices = ", ".join([*TaskKind, "classification"])
        raise OptionError(f"{quote(kind)} is no kind of task; choose from {choices}") from error


def settle_kind(y: pd.Series, asked: TaskKind | str | None) -> tuple[TaskKind, str]:
    """Return the kind of task that a target makes, and why.

    Parameters
    ----------
    y : Series of shape (n_rows,)
        The target, tidied and complete, under its name.
    asked : TaskKind, "classification" or None
        The kind that the user wants, if any.

    Returns
    -------
    kind : TaskKind
        Strings, booleans and categories are classes; numbers that are not whole are a regression; whole
        numbers are classes if there are two of them, or at most `MAX_INTEGER_CLASSES` that are also at
        most `MAX_INTEGER_CLASS_SHARE` of the rows.
    reason : str
        The kind with its reason, such as "regression, since 'price' has 812 distinct numbers".

    Raises
    ------
    DataError
        If no model can learn this target: dates, a constant, strings that are unique per row, or too few
        rows in the classes.
    """
    name, n_distinct = quote(y.name), y.nunique()
    if n_distinct == 1:
        raise DataError(f"the target {name} is constant ({quote(y.iloc[0])}); name a column that varies")
    if y.dtype.kind == "M":
        raise DataError(f"the target {name} holds dates; turn them into numbers, such as days since a start")
    content = _describe(y, n_distinct)
    if asked is None:
        kind = infer_kind(y)
        reason = f"{kind}, since {name} has {content}"
        if kind is TaskKind.MULTICLASS and is_number(y):
            reason += "; if these are counts or amounts, ask for regression (--task regression, kind='regression')"
        _check_resemblance(y, n_distinct)
    else:
        several = TaskKind.BINARY if n_distinct == 2 else TaskKind.MULTICLASS
        kind = several if asked == "classification" else TaskKind(asked)
        reason = f"{kind}, as asked for; {name} has {content}"
    if kind.is_classification:
        _check_classes(y, kind, n_distinct)
    return kind, reason


def prepare_target(y: pd.Series, kind: TaskKind) -> pd.Series:
    """Return the target as int64 or float64 for regression, else as labels: str, int64 or bool.

    Raises
    ------
    DataError
        If a regression is asked for and the values are no numbers.
    """
    values = y if not isinstance(y.dtype, pd.CategoricalDtype) else y.astype(y.cat.categories.dtype)
    if kind.is_classification:
        if values.dtype.kind == "b" or isinstance(values.dtype, pd.StringDtype):
            return values
        return values.astype("int64") if _is_whole(values) else values.astype("str")
    if isinstance(values.dtype, pd.StringDtype):
        try:
            values = pd.to_numeric(values)
        except ValueError as error:
            example = quote(values.iloc[0])
            raise DataError(
                f"the target {quote(y.name)} holds strings such as {example}, so it is no regression; "
                f"{_remedy(values)}, or name another column"
            ) from error
    return values.astype("int64" if values.dtype.kind in "bi" else "float64")


def find_positive_class(y: pd.Series, kind: TaskKind, asked: str) -> object:
    """Return the class that the user calls the positive one, as the target holds it.

    Parameters
    ----------
    y : Series of shape (n_rows,)
        The target, prepared.
    kind : TaskKind
        The kind that was settled.
    asked : str
        The class, as it prints.

    Raises
    ------
    OptionError
        If the task is not binary, or has no such class; its classes are offered.
    """
    if kind is not TaskKind.BINARY:
        raise OptionError(f"a positive class is for binary tasks; the target {quote(y.name)} makes a {kind} task")
    classes = {str(label): label for label in sorted(y.unique().tolist())}
    if str(asked) not in classes:
        offered = enumerate_names(list(classes))
        raise OptionError(f"the target {quote(y.name)} has no class {quote(asked)}; its classes are {offered}")
    return classes[str(asked)]


def infer_kind(y: pd.Series) -> TaskKind:
    """Return the kind that follows from the values of a target (n_rows,), tidied and complete; see `settle_kind`."""
    n_distinct = y.nunique()
    if is_number(y) and not _is_whole(y):
        return TaskKind.REGRESSION
    if n_distinct == 2:
        return TaskKind.BINARY
    is_few = n_distinct <= MAX_INTEGER_CLASSES and n_distinct <= MAX_INTEGER_CLASS_SHARE * len(y)
    return TaskKind.REGRESSION if is_number(y) and not is_few else TaskKind.MULTICLASS


def is_number(y: pd.Series) -> bool:
    """Return whether a target holds numbers that are no labels."""
    return y.dtype.kind in "iuf" and not isinstance(y.dtype, pd.CategoricalDtype)


def _check_resemblance(y: pd.Series, n_distinct: int) -> None:
    """Raise if many strings look like numbers with a unit, which would be a regression."""
    if not isinstance(y.dtype, pd.StringDtype | pd.CategoricalDtype) or n_distinct <= MAX_INTEGER_CLASSES:
        return
    labels = [label for label in y.unique().tolist() if isinstance(label, str)]
    if units := find_units(labels):
        raise DataError(
            f"the target {quote(y.name)} looks like numbers with {enumerate_names(units)}, such as {quote(labels[0])}; "
            "leave out what is beside the numbers, or ask for classification"
        )


def _remedy(values: pd.Series) -> str:
    """Return what to do with strings that are to be numbers."""
    if find_units(values.unique().tolist()):
        return "leave out what is beside the numbers"
    return "ask for classification"


def _check_classes(y: pd.Series, kind: TaskKind, n_distinct: int) -> None:
    """Raise unless the classes have rows enough, and are as many as the kind says."""
    name = quote(y.name)
    if n_distinct == len(y) and y.dtype.kind not in "iuf":
        raise DataError(
            f"the target {name} has another value in each of its {count(len(y), 'row')}, as an "
            "identifier has; name a column whose values repeat"
        )
    n_learnable = int((y.value_counts() >= MIN_CLASS_ROWS).sum())
    if n_learnable < 2:
        raise DataError(
            f"two classes with {MIN_CLASS_ROWS} rows or more are needed, and the target {name} has {n_learnable} such "
            f"of {n_distinct}; give more rows, or name another column"
        )
    if (kind is TaskKind.BINARY) != (n_distinct == 2):
        fitting = TaskKind.BINARY if n_distinct == 2 else TaskKind.MULTICLASS
        raise DataError(f"the target {name} has {n_distinct} classes, so it is no {kind} task; ask for {fitting}")


def _describe(y: pd.Series, n_distinct: int) -> str:
    """Return how many distinct values of which sort there are."""
    if not is_number(y):
        return f"{n_distinct:,} classes"
    return f"{n_distinct:,} distinct {'whole ' if _is_whole(y) else ''}numbers in {count(len(y), 'row')}"


def _is_whole(y: pd.Series) -> bool:
    """Return whether all numbers are whole, as far as float64 can tell."""
    if y.dtype.kind != "f":
        return True
    values = y.to_numpy()
    return bool((np.abs(values) <= _LARGEST_WHOLE).all() and (values == np.trunc(values)).all())


def offer_names(names: Sequence[str], name: str) -> str:
    """Return the names closest to one that is not among them, or the first ones."""
    folded = {other.casefold().strip(): other for other in names}
    near = difflib.get_close_matches(name.casefold().strip(), list(folded), n=3)
    if near:
        return f"did you mean {enumerate_names([folded[name] for name in near])}?"
    return f"the columns are {enumerate_names(names)}"
