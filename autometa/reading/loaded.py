"""`Loaded`: a table as its source holds it, and the checks that every source shares."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

from autometa.errors import DataError
from autometa.reading.wording import enumerate_names

MAX_COLUMNS = 100_000

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A table as its source holds it.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Raw columns of any dtype, under unique string names.
    name : str
        What to call the table.
    label : str
        What messages call its source: the quoted name of a file, or "the table".
    is_typed : bool
        Whether the source itself says which columns are strings; a CSV file does not.
    notes : tuple of str
        What the user should know about how it was read.
    decimal : str
        What stands before the fraction of a number that is still a string, "." or ",".

    Raises
    ------
    DataError
        If there is no row or no column, or the names are too many or repeat.
    """

    frame: pd.DataFrame = field(repr=False)
    name: str
    label: str
    is_typed: bool
    notes: tuple[str, ...] = ()
    decimal: str = "."

    def __post_init__(self) -> None:
        n_rows, n_columns = self.frame.shape
        check_names(list(self.frame.columns), self.label)
        if n_columns == 0:
            raise DataError(f"{self.label} has no columns; give a table with a target and something to predict it from")
        if n_rows == 0:
            raise DataError(f"{self.label} has a header of {n_columns} columns but no rows; give a table with rows")


def check_names(names: Sequence[str], label: str) -> None:
    """Raise unless the names of columns are not too many, unique, and Unicode text.

    Readers call it as soon as they know the names, before they read the rows.

    Raises
    ------
    DataError
        If there are more than `MAX_COLUMNS`, two are alike, or one holds half of a surrogate pair.
    """
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{label} has {len(names):,} columns, more than {MAX_COLUMNS:,}; select some of them")
    broken = [name for name in names if not name.isascii() and _SURROGATE.search(name)]
    if broken:
        raise DataError(f"{label} has column names that are no Unicode text: {enumerate_names(broken)}; rename them")
    repeated = [name for name, n_times in Counter(names).items() if n_times > 1]
    if repeated:
        raise DataError(f"{label} has column names that repeat: {enumerate_names(repeated)}; rename them")


def to_frame(table: "pa.Table", *, is_ours: bool) -> pd.DataFrame:
    """Return an Arrow table as a DataFrame with string names, with as few copies as Arrow can do.

    Parameters
    ----------
    table : Table of shape (n_rows, n_columns)
        Any types; decimals become floats.
    is_ours : bool
        Whether nobody else holds the table, so that its memory may be given back on the way.

    Raises
    ------
    ArrowInvalid
        If the table is broken inside, such as by strings that are no UTF-8: Arrow itself trusts what it is given.
    """
    table.validate(full=True)
    for position, column in enumerate(table.schema):
        if pa.types.is_decimal(column.type):  # would become slow Python objects
            as_float = table.column(position).cast(pa.float64())
            table = table.set_column(position, column.name, as_float)
    frame: pd.DataFrame = table.to_pandas(date_as_object=False, split_blocks=True, self_destruct=is_ours)
    frame = frame.reset_index(drop=True)
    frame.columns = pd.Index([str(name) for name in frame.columns], dtype="str")
    return frame
