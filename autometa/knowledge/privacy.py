"""How much of a run leaves the machine: the levels of privacy of an export.

``full``
    All that is stored but the sketches: names of tasks and families, origins, licences, error texts.
``no-names``
    No text that a person wrote or a library printed. A task is called by the start of its fingerprint, a family by the
    fingerprint of its oldest task; origins are undisclosed, licences other than well-known ones not stated; of an
    error, of an absent metric and of a meta-feature that failed the kind of error alone is left. Runs of algorithms,
    or with hyperparameters, that are not autometa's own are withheld.
``coarse``
    No names, and no exact numbers: meta-features, sizes of tables, seconds and bytes have two significant digits,
    scores, those of quick learners among them, four, times the day. Embeddings of tasks are left out.

What every level holds: the fingerprint of a task, by which the same table is recognised. It is a sha-256 of all values,
names of columns and the target. Whoever has the very same table can tell that runs on it are in the file; nobody can
read a value from it, but a table so small that all its possible contents can be tried out could be found that way.
Meta-features are statistics of the table: its shape, means of correlations, entropies, scores of quick learners. An
embedding is 32 numbers that a net makes of these and of averages over a sample of at most 256 rows.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from autometa.errors import ConfigurationError
from autometa.knowledge import tables
from autometa.knowledge.origins import UNDISCLOSED
from autometa.knowledge.rows import Row, metafeatures_values, pack_folds, to_json, unpack_folds
from autometa.metafeatures.landmarking import GROUP
from autometa.metric import METRICS
from autometa.pipelines.learners import space_of
from autometa.space import Configuration
from autometa.task_kind import TaskKind

_WELL_KNOWN_LICENCES = frozenset(
    {
        *("not stated", "CC0", "CC0-1.0", "CC-BY-4.0", "CC BY 4.0", "CC-BY-SA-4.0", "CC BY-SA 4.0"),
        *("BSD-3-Clause", "BSD-2-Clause", "MIT", "Apache-2.0", "GPL-2.0", "GPL-3.0", "ODbL-1.0", "PDDL-1.0"),
    }
)
_NAME_OF_ERROR = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,60}(Error|Exception|Warning|Interrupt)(?=:|$)")
_WITHHELD = "words withheld"
_DIGITS = 2
_DIGITS_OF_SCORES = 4
_DAY = 86_400


class Privacy(StrEnum):
    """How much leaves the machine."""

    FULL = "full"
    NO_NAMES = "no-names"
    COARSE = "coarse"


class Veil:
    """Takes out of the rows of an export what its level of privacy keeps back.

    Parameters
    ----------
    privacy : Privacy
        The level.
    connection : Connection
        To the base that the rows come from.
    """

    def __init__(self, privacy: Privacy, connection: Connection) -> None:
        self._privacy = privacy
        self._families: dict[str, str] = {}
        self.withheld_keys: set[str] = set()  # of configurations
        if privacy is not Privacy.FULL:
            self._families = _oldest_tasks(connection)
            self.withheld_keys = _unknown_configurations(connection)

    def task(self, row: Row) -> Row:
        """Return what may leave of a task."""
        if self._privacy is Privacy.FULL:
            return row
        row = {
            **row,
            "task_name": f"task {row['fingerprint'][:12]}",
            "family": self._families[row["family"]],
            "task_licence": _well_known(row["task_licence"]),
            "metafeatures_failures": _kinds_of_errors(row["metafeatures_failures"]),
            **_undisclosed(row),
        }
        if self._privacy is Privacy.COARSE:
            sizes = ("n_rows", "n_columns", "n_classes")
            row |= {name: int(_rounded(row[name])) for name in sizes} | {"metafeatures": _coarse(row["metafeatures"])}
            row |= {"embedding_version": None, "embedding": None}
        return row

    def evaluation(self, row: Row, kind: TaskKind) -> Row:
        """Return what may leave of an evaluation of a task of that kind."""
        if self._privacy is Privacy.FULL:
            return row
        error = row["error"] and _kind_of_error(row["error"])
        row = {**row, "error": error, "absent": _kinds_of_errors(row["absent"]), **_undisclosed(row)}
        if self._privacy is Privacy.COARSE:
            folds = {
                name: tuple(_rounded(score, _DIGITS_OF_SCORES) for score in scores)
                for name, scores in unpack_folds(row["folds"], kind).items()
            }
            means = {name: float(np.mean(folds[name])) if name in folds else None for name in METRICS}
            costs = ("fit_seconds", "predict_seconds", "peak_memory_bytes")
            row |= {"folds": pack_folds(folds, kind), **means, "added_at": row["added_at"] // _DAY * _DAY}
            row |= {name: type(row[name])(_rounded(row[name])) for name in costs if row[name] is not None}
        return row


def _oldest_tasks(connection: Connection) -> dict[str, str]:
    """Return family -> fingerprint of its oldest task."""
    t = tables.tasks
    oldest = select(func.min(t.c.id)).group_by(t.c.family)
    query = select(t.c.family, t.c.fingerprint).where(t.c.id.in_(oldest))
    return {row[0]: row[1] for row in connection.execute(query)}


def _unknown_configurations(connection: Connection) -> set[str]:
    """Return the keys of configurations that are of no space of this release: their words are the user's own."""
    contents = connection.execute(select(tables.configurations.c.key, tables.configurations.c.content))
    return {key for key, content in contents if not _is_ours(Configuration.from_json(content))}


def _is_ours(configuration: Configuration) -> bool:
    """Return whether a configuration is one of autometa's own algorithms, with values that these may take."""
    for kind in TaskKind:
        try:
            space_of(configuration.algorithm, kind).check(configuration)
        except ConfigurationError:
            continue
        return True
    return False


def _undisclosed(row: Row) -> Row:
    """Return the columns that tell where a row comes from, told no more."""
    return {"origin": UNDISCLOSED, "origin_licence": _well_known(row["origin_licence"])}


def _well_known(licence: str) -> str:
    """Return a licence if it is a well-known one: others may name who gave it."""
    return licence if licence in _WELL_KNOWN_LICENCES else "not stated"


def _kind_of_error(text: str) -> str:
    """Return the name of an error without what it says, which may name columns, values and files."""
    found = _NAME_OF_ERROR.match(text)
    return f"{found.group()}: {_WITHHELD}" if found else _WITHHELD


def _kinds_of_errors(reasons: str | None) -> str | None:
    """Return JSON of name -> reason with the reasons' kinds alone."""
    if reasons is None:
        return None
    found: Mapping[str, Any] = json.loads(reasons)  # Any: JSON
    return to_json({name: _kind_of_error(str(reason)) for name, reason in found.items()})


def _coarse(metafeatures: str | None) -> str | None:
    """Return JSON of meta-features with few digits."""
    if metafeatures is None:
        return None
    scores = set(GROUP.names)
    values = metafeatures_values(metafeatures).items()
    digits = {name: _DIGITS_OF_SCORES if name in scores else _DIGITS for name, _ in values}
    return to_json({name: None if np.isnan(value) else _rounded(value, digits[name]) for name, value in values})


def _rounded(number: float, n_digits: int = _DIGITS) -> float:
    """Return a number with few significant digits."""
    return float(f"{number:.{n_digits}g}")
