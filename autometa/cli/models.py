"""What the commands on model files share."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from autometa.cli.output import say
from autometa.errors import AutometaWarning

MAX_SHOWN = 10
"""Rows of a leaderboard that are shown to people."""

CHUNK_ROWS = 50_000
"""Rows of a table that are read, predicted and written at a time."""

ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file, as autometa fit saves it.")]
TableArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA", help="A table: CSV, Parquet, Feather, ARFF, JSON lines, packed or not; - for stdin."
    ),
]
TrustOption = Annotated[
    bool,
    typer.Option("--trust", help="Read a model file that you did not make on this machine.", show_default=False),
]


@contextmanager
def warnings_said() -> Iterator[None]:
    """Say warnings of autometa on stderr, a line each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AutometaWarning)
        yield
    for warning in caught:
        if issubclass(warning.category, AutometaWarning):
            say(f"warning: {warning.message}")
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def leaderboard_rows(leaderboard: Sequence[Mapping[str, Any]], metric: str) -> list[dict[str, object]]:
    """Return the first rows of a leaderboard, for people; what it does not say is left empty."""
    from autometa.cli.drawing import short

    return [
        {
            "rank": _shown(row, "rank", str),
            "pipeline": row.get("algorithm", "?"),
            metric: _shown(row, "score", short),
            "+-": _shown(row, "standard_error", short),
            "weight": _shown(row, "weight", "{:.2f}".format) if row.get("weight") else "",
            "found by": row.get("source", ""),
            "fit": _shown(row, "fit_seconds", "{:.3g} s".format),
            "status": row.get("status", ""),
        }
        for row in leaderboard[:MAX_SHOWN]
    ]


def leaderboard_notes(leaderboard: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what to know of the rows that `leaderboard_rows` shows."""
    if all(row.get("status") != "pruned" for row in leaderboard[:MAX_SHOWN]):
        return []
    return ["pruned: given up on a part of the rows or folds; such scores do not compare with those of other parts"]


def _shown(row: Mapping[str, Any], name: str, words: Callable[[Any], str]) -> str:
    """Return a value of a row in words; empty where there is none."""
    return "" if row.get(name) is None else words(row[name])
