"""What a shard must obey: a file from outside is believed in nothing."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa
from sqlalchemy import Column

from autometa._characters import LAYOUT, first_control
from autometa.embedding import EMBEDDING_VERSION, embedding_of
from autometa.errors import ConfigurationError, ExchangeError
from autometa.evaluation.record import Status
from autometa.knowledge import tables
from autometa.knowledge.origins import ANYBODYS
from autometa.knowledge.rows import MAX_TEXT, STATUSES, Row, to_evaluation
from autometa.metric import METRICS
from autometa.sketches import SKETCH_VERSION, Sketch
from autometa.space import Configuration
from autometa.task_kind import TaskKind

RECORDS = ("withdrawal", "task", "configuration", "evaluation")

_BATCH_ROWS = 1_000
_MAX_COUNT = 2**31 - 1  # what an integer column holds
_MAX_SKETCH_BYTES = 10_000
_MAX_EMBEDDING_CHARACTERS = 10_000

# The column of the tables that a text of a shard goes into: it must fit there.
_TEXTS: Mapping[str, Mapping[str, Column[Any]]] = {
    "task": {
        "task_name": tables.tasks.c.name,
        "family": tables.tasks.c.family,
        "task_licence": tables.tasks.c.licence,
        "origin": tables.origins.c.name,
        "origin_licence": tables.origins.c.licence,
    },
    "evaluation": {
        "protocol": tables.protocols.c.name,
        "pipelines_version": tables.protocols.c.pipelines_version,
        "origin": tables.origins.c.name,
        "origin_licence": tables.origins.c.licence,
    },
    "withdrawal": {name: tables.withdrawals.c[name] for name in ("protocol", "pipelines_version", "origin", "reason")},
}


def rows_of(part: pa.Table) -> Iterator[Row]:
    """Iterate over the rows of an Arrow table as plain Python values, a few at a time in memory."""
    for batch in part.to_batches(max_chunksize=_BATCH_ROWS):
        yield from batch.to_pylist()


def check_rows(parts: Mapping[str, pa.Table], name: str) -> None:
    """Raise unless every row of a shard obeys the rules.

    Parameters
    ----------
    parts : mapping of str to pyarrow.Table
        The rows by record: withdrawal, task, configuration, evaluation.
    name : str
        Name of the file, for the message.

    Raises
    ------
    ExchangeError
        With the first rule that is broken, and where.
    """
    kinds: dict[str, TaskKind] = {}
    configurations: dict[str, Configuration] = {}

    def check_task(row: Row) -> None:
        _check_task(row)
        if row["fingerprint"] in kinds:
            raise ValueError(f"the task {row['fingerprint'][:12]} stands twice")
        kinds[row["fingerprint"]] = TaskKind(row["kind"])

    def check_configuration(row: Row) -> None:
        configuration = _checked_configuration(row)
        if configuration.key in configurations:
            raise ValueError(f"the configuration {configuration.key[:12]} stands twice")
        configurations[configuration.key] = configuration

    def check_evaluation(row: Row) -> None:
        if row["fingerprint"] not in kinds or row["key"] not in configurations:
            raise ValueError("its task or configuration is not in the file")
        _check_evaluation(row, kinds[row["fingerprint"]], configurations[row["key"]])

    checks = (_check_withdrawal, check_task, check_configuration, check_evaluation)
    for record, check in zip(RECORDS, checks, strict=True):
        for number, row in enumerate(rows_of(parts[record]), start=1):
            _run(check, row, f"{name}, {record} {number}")


def _run(check: Callable[[Row], None], row: Row, where: str) -> None:
    """Run a check, and say where it failed."""
    try:
        for column, value in row.items():
            if isinstance(value, str | bytes) and len(value) > MAX_TEXT:
                raise ValueError(f"{column} is longer than {MAX_TEXT}")
            if isinstance(value, str) and "\x00" in value:
                raise ValueError(f"{column} holds a NUL character")
        check(row)
    # besides wrong values and types: numbers of thousands of digits, JSON of thousands of brackets
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ExchangeError(f"{where}: {str(error)[:200]}; the file is refused") from error


def _check_withdrawal(row: Row) -> None:
    """Raise ValueError unless the row names a run, of an origin that is somebody's, and a reason in one line."""
    for name in ("fingerprint", "key", "result"):
        _check_hash(row[name])
    _check_texts(row, _TEXTS["withdrawal"])
    if row["origin"] in ANYBODYS:
        raise ValueError(f"it withdraws a run of '{row['origin']}', which is anybody's")
    if not row["reason"].isprintable():
        raise ValueError("the reason is not one line of text")
    if not (isinstance(row["seed"], int) and row["added_at"] >= 0):
        raise ValueError(f"a seed of {row['seed']}, added at {row['added_at']}")


def _check_task(row: Row) -> None:
    """Raise ValueError unless the row is a task."""
    _check_hash(row["fingerprint"])
    _check_texts(row, _TEXTS["task"])
    kind = TaskKind(row["kind"])
    n_classes = row["n_classes"]
    if not (row["n_rows"] > 0 and 0 < row["n_columns"] <= _MAX_COUNT and n_classes <= _MAX_COUNT):
        raise ValueError(f"a table of {row['n_rows']} x {row['n_columns']} with {n_classes} classes")
    if {TaskKind.REGRESSION: n_classes != 0, TaskKind.BINARY: n_classes != 2}.get(kind, n_classes < 3):
        raise ValueError(f"a {kind} task with {n_classes} classes")
    _check_features(row)
    _check_sketch(row)
    _check_embedding(row)


def _check_features(row: Row) -> None:
    """Raise ValueError unless the meta-features of a task are numbers or none, or are not there."""
    features = [row[name] for name in ("metafeatures_version", "metafeatures", "metafeatures_failures")]
    if features != [None, None, None]:
        _check_texts(row, {"metafeatures_version": tables.metafeatures.c.version})
        values = json.loads(row["metafeatures"])
        if not all(value is None or _is_finite(value) for value in values.values()):
            raise ValueError("meta-features must be finite numbers or null")
        for name in values:
            _check_shown(name, "the name of a meta-feature")
        _check_mapping(row["metafeatures_failures"], "failures of meta-features")


def _check_sketch(row: Row) -> None:
    """Raise ValueError unless the sketch of a task is one, or is not there."""
    if [row["sketch_version"], row["sketch"]] != [None, None]:
        _check_texts(row, {"sketch_version": tables.sketches.c.version})
        if not isinstance(row["sketch"], bytes) or len(row["sketch"]) > _MAX_SKETCH_BYTES:
            raise ValueError(f"a sketch has at most {_MAX_SKETCH_BYTES} bytes")
        if row["sketch_version"] == SKETCH_VERSION:
            Sketch.from_bytes(row["sketch"])


def _check_embedding(row: Row) -> None:
    """Raise ValueError unless the embedding of a task is one, or is not there."""
    if [row["embedding_version"], row["embedding"]] != [None, None]:
        _check_texts(row, {"embedding_version": tables.embeddings.c.version})
        if not isinstance(row["embedding"], str) or len(row["embedding"]) > _MAX_EMBEDDING_CHARACTERS:
            raise ValueError(f"an embedding has at most {_MAX_EMBEDDING_CHARACTERS} characters")
        if row["embedding_version"] == EMBEDDING_VERSION:
            embedding_of(row["embedding"])


def _checked_configuration(row: Row) -> Configuration:
    """Return the configuration of a row; raise ValueError unless it stands under its own key."""
    try:
        configuration = Configuration.from_json(row["configuration"])
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
    if configuration.key != row["key"] or configuration.to_json() != row["configuration"]:
        raise ValueError("the key is not that of the configuration")
    _check_texts({"algorithm": configuration.algorithm}, {"algorithm": tables.configurations.c.algorithm})
    for name, value in configuration.values.items():
        _check_shown(name, "the name of a hyperparameter")
        if isinstance(value, str):
            _check_shown(value, f"the hyperparameter {name}", but=LAYOUT)
    return configuration


def _check_evaluation(row: Row, kind: TaskKind, configuration: Configuration) -> None:
    """Raise ValueError unless the row is an evaluation of a task of that kind."""
    _check_texts(row, _TEXTS["evaluation"])
    _check_mapping(row["versions"], "versions")
    if row["error"] is not None:
        _check_shown(row["error"], "the error", but=LAYOUT)
    if row["absent"] is not None:
        _check_mapping(row["absent"], "absent metrics")
    for name in ("fit_seconds", "predict_seconds", "peak_memory_bytes"):
        if row[name] is not None and not (_is_finite(row[name]) and row[name] >= 0):
            raise ValueError(f"{name} = {row[name]}")
    if not (isinstance(row["seed"], int) and row["added_at"] >= 0):
        raise ValueError(f"a seed of {row['seed']}, added at {row['added_at']}")
    status = STATUSES.index(Status(row["status"]))
    evaluation = to_evaluation({**row, "status": status}, kind, configuration)  # keeps the rules of the noun
    means = {name: row[name] for name in METRICS if row[name] is not None}
    for name, mean in means.items():
        folds = evaluation.fold_scores.get(name, ())
        if not all(METRICS[name].low <= score <= METRICS[name].high for score in (mean, *folds)):
            raise ValueError(f"{name} = {mean} of a {kind} task")
        if not math.isclose(evaluation.score(name), mean, rel_tol=1e-6, abs_tol=1e-9):
            raise ValueError(f"the fold scores of {name} do not average to its score")
    for name in evaluation.fold_scores.keys() - means.keys():
        raise ValueError(f"fold scores of {name} without its score")


@lru_cache(maxsize=128)  # most rows have the same few
def _check_mapping(text: str, what: str) -> None:
    """Raise ValueError unless a JSON text maps texts to texts."""
    found = json.loads(text)
    if not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f"{what} must map names to texts")
    for name, value in found.items():
        _check_shown(name, f"a name in {what}")
        _check_shown(value, f"a text in {what}", but=LAYOUT)


def _check_hash(text: object) -> None:
    """Raise ValueError unless the text is a sha-256 in hexadecimal."""
    if not (isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")):
        raise ValueError(f"not a sha-256: {str(text)[:80]!r}")


def _check_texts(row: Row, columns: Mapping[str, Column[Any]]) -> None:
    """Raise ValueError unless texts are there, in one line, and fit in these columns of the tables."""
    for name, column in columns.items():
        limit = getattr(column.type, "length", None) or MAX_TEXT
        if not isinstance(row[name], str) or not 0 < len(row[name]) <= limit:
            raise ValueError(f"{name} must be a text of 1 to {limit} characters")
        _check_shown(row[name], name)


def _check_shown(text: str, what: str, *, but: str = "") -> None:
    """Raise ValueError if a terminal would obey a character of a text, instead of showing it."""
    control = first_control(text, but=but)
    if control is not None:
        raise ValueError(f"{what} holds the control character U+{ord(control):04X}")


def _is_finite(value: object) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
