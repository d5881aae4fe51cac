"""`as_task`: whatever a user calls a table becomes a `Task`, wherever it lies."""

from typing import Any

from autometa.errors import OptionError
from autometa.reading import read_task
from autometa.sources.openml.reading import from_openml, is_at_openml
from autometa.task import Task


def as_task(X: Any, y: Any = None, *, target: str | int | None = None, **asked: Any) -> Task:
    """Return a task as it is, a data set or task of OpenML ("openml:31"), or what `autometa.read_task` reads.

    Parameters
    ----------
    X : Task, str, Path, DataFrame, or ndarray of shape (n_rows, n_columns)
        The table. Any, as ``y``: what `autometa.read_task` takes.
    y : array-like of shape (n_rows,), optional
        The target, if it stands apart from the table.
    target : str or int, optional
        Name or position of the target column.
    **asked
        Further arguments of `autometa.read_task`; ``offline`` is that of `autometa.from_openml`.

    Raises
    ------
    UserError
        As these two, and an OptionError for arguments that do not go together.

    Examples
    --------
    >>> import pandas as pd
    >>> as_task(pd.DataFrame({"size": [1.0, 2.0, 3.5, 4.0]}), [0, 1, 1, 0]).n_rows
    4
    """
    if isinstance(X, Task):
        return X
    is_offline = asked.pop("offline", False)
    if is_at_openml(X):
        if y is not None:
            raise OptionError(f"{X} has its target in it; name another by target=, or read the table yourself")
        return from_openml(X, target=target, offline=is_offline, **asked)
    if is_offline:
        raise OptionError("--offline is for tables of OpenML, as openml:31; leave it out")
    return read_task(X, y, target=target, **asked)
