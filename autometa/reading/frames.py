"""Tables in memory: pandas, NumPy, and all that speaks Arrow (polars, pyarrow, duckdb, ...)."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import pyarrow as pa

from autometa.errors import DataError
from autometa.reading.loaded import Loaded, check_names, to_frame

_LABEL = "the table"


@runtime_checkable
class ArrowStream(Protocol):
    """A table of any library that hands it over by the Arrow PyCapsule interface.

    References
    ----------
    https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
    """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule with an Arrow stream."""


Frame = pd.DataFrame | np.ndarray[Any, Any] | ArrowStream  # an array of any shape and dtype, checked here


def load_frame(source: Frame) -> Loaded:
    """Return a table in memory as it is; it is never changed.

    Raises
    ------
    DataError
        If it is none, or has no sound columns and rows.
    """
    if isinstance(source, pd.DataFrame):
        frame = source.copy(deep=False).reset_index(drop=True)
        names = [str(name) for name in frame.columns]
        check_names(names, _LABEL)  # Arrow's strings cannot hold every one of Python's
        frame.columns = pd.Index(names, dtype="str")
    elif isinstance(source, np.ndarray):
        if source.ndim != 2:
            raise DataError(f"an array of shape {source.shape} is no table; give one with rows and columns")
        frame = pd.DataFrame(source, columns=[f"x{i}" for i in range(source.shape[1])])
    elif isinstance(source, ArrowStream) and not isinstance(source, pd.Series):
        frame = _from_arrow(source)
    else:
        raise DataError(
            f"cannot read a {type(source).__name__}; give the path of a file, "
            "a pandas, polars or Arrow table, or a 2-D NumPy array"
        )
    is_typed = not (isinstance(source, np.ndarray) and source.dtype.kind in "US")  # NumPy makes all of a row strings
    return Loaded(frame=frame, name="table", label=_LABEL, is_typed=is_typed)


def _from_arrow(source: ArrowStream) -> pd.DataFrame:
    """Return a table that speaks Arrow."""
    try:
        table = pa.table(source)
        check_names(table.column_names, _LABEL)
        return to_frame(table, is_ours=False)
    except DataError:
        raise
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0][:100]
        raise DataError(f"cannot read a {type(source).__name__} ({reason}); give a table with named columns") from error
