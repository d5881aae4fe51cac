"""The knowledge base: past tasks, configurations and evaluations behind one object."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd
from sqlalchemy import Connection, Select, select

from autometa.embedding import EMBEDDING_VERSION
from autometa.errors import DataError, NotKnownError
from autometa.evaluation.record import LOCAL, Evaluation
from autometa.knowledge import caching, queries, schema, tables
from autometa.knowledge.claims import LEASE_SECONDS, Claims, Scope
from autometa.knowledge.database import Database
from autometa.knowledge.frames import Experience
from autometa.knowledge.kinship import NearTask, near_tasks, stored_sketch
from autometa.knowledge.origins import ALL_ALIKE, Trust
from autometa.knowledge.rows import (
    STATUSES,
    Row,
    configuration_row,
    evaluation_row,
    metafeatures_json,
    storable,
    to_evaluation,
    to_json,
)
from autometa.knowledge.status import KnowledgeStatus, read_status
from autometa.knowledge.writing import Added, Writer
from autometa.metafeatures import EXTRACTION_VERSION, MetaFeatures
from autometa.metric import METRICS, Metric
from autometa.sketches import SKETCH_VERSION, Sketch, draw_sketch
from autometa.space import Configuration
from autometa.task import Task, TaskDescription
from autometa.task_kind import TaskKind

NOT_STATED = "not stated"


class KnowledgeBase:
    """Past runs in SQL: SQLite by default, PostgreSQL by URL.

    One public write is one transaction. Unique on (task, configuration, protocol, seed): adding the same thing twice
    changes nothing; of two results that differ the first stays and the other is kept aside.

    Parameters
    ----------
    place : str or Path
        File of a SQLite database, or a database URL. It must exist: see `create`.

    Raises
    ------
    KnowledgeError
        If there is no knowledge base.
    SchemaError
        If its schema is not the one of this release; opening never changes it.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with KnowledgeBase.create(Path(folder.name) / "runs.db") as base:
    ...     base.status().evaluations["total"]
    0
    >>> folder.cleanup()
    """

    def __init__(self, place: str | Path) -> None:
        self._database = Database(place)

    def __deepcopy__(self, memo: object) -> Self:
        """Return itself: a copy of an estimator reads the same base."""
        return self

    @classmethod
    def create(cls, place: str | Path) -> Self:
        """Make an empty knowledge base, and open it.

        Raises
        ------
        KnowledgeError
            If there is one already, or the place cannot be written.
        """
        Database.create(place).close()
        return cls(place)

    @property
    def place(self) -> str:
        """Where it is: the path of the file, or the URL without its password."""
        return self._database.place

    @property
    def revision(self) -> int:
        """Number of writes so far."""
        with self.reading() as connection:
            return _revision(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Writing ------------------------------------------------------------------------------------------------

    def add_task(self, task: Task, metafeatures: MetaFeatures, *, origin: str = LOCAL) -> bool:
        """Add a task, or the meta-features and the sketch of a known one, and return whether anything was new.

        A task that is nearly the same as known ones joins their family: see `autometa.knowledge.kinship`.

        Raises
        ------
        OptionError
            If a text is empty or too long; nothing is added.
        DataError
            If the task is a sample: runs on it would be taken for runs on the full table.
        """
        if task.full_n_rows:
            raise DataError(f"'{task.name}' is a sample of a table; add the full table, read without max_rows")
        licence = task.licence or NOT_STATED
        sketch = draw_sketch(task).to_bytes()  # before the transaction: others may write meanwhile
        with self.writing() as writer:
            row = {
                "fingerprint": task.fingerprint,
                "name": storable(task.name),
                "kind": str(task.kind),
                "family": storable(task.family),
                "n_rows": task.n_rows,
                "n_columns": task.n_columns,
                "n_classes": len(task.classes),
                "licence": storable(licence),
                "origin_id": writer.origin_id(origin, licence),
            }
            n_new = writer.add_tasks([row])
            task_id = writer.task_ids([task.fingerprint])[task.fingerprint]
            features = {
                "task_id": task_id,
                "version": metafeatures.version,
                "values": metafeatures_json(metafeatures.values),
                "failures": to_json(metafeatures.failures),
            }
            n_new += writer.add_metafeatures([features])
            n_new += writer.add_sketches([{"task_id": task_id, "version": SKETCH_VERSION, "content": sketch}])
            if n_new:
                writer.raise_revision()
        return n_new > 0

    def add_evaluations(self, evaluations: Iterable[Evaluation], *, licence: str = NOT_STATED) -> Added:
        """Add evaluations of known tasks in one transaction.

        Parameters
        ----------
        evaluations : iterable of Evaluation
            Their tasks must have been added before.
        licence : str
            Licence of the measurements.

        Raises
        ------
        NotKnownError
            If a task is not in the base; nothing is added.
        OptionError
            If a score is not of the task's kind, or a text or number does not fit; nothing is added.
        """
        wanted = list(evaluations)
        with self.writing() as writer:
            added = writer.add_evaluations(self._evaluation_rows(writer, wanted, licence))
            if added.n_new or added.n_differing:
                writer.raise_revision()
        return added

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Open one transaction of writes: committed as a whole at the end, or not at all."""
        with self._database.writing() as connection:
            yield Writer(connection)

    def claims(
        self, *, protocol: str, pipelines_version: str, seed: int, lease_seconds: float = LEASE_SECONDS
    ) -> Claims:
        """Return the claims of a new worker, none yet: parameters and use as of `autometa.knowledge.claims.Claims`."""
        scope = Scope(protocol=protocol, pipelines_version=pipelines_version, seed=seed)
        return Claims(self._database, scope, lease_seconds=lease_seconds)

    # Reading ------------------------------------------------------------------------------------------------

    def status(self) -> KnowledgeStatus:
        """Return how much there is."""
        with self.reading() as connection:
            return read_status(connection, revision=_revision(connection), schema=schema.HEAD)

    def tasks(self) -> pd.DataFrame:
        """Return a DataFrame with a row per task, sorted by name."""
        return self._frame(queries.task_list())

    def configurations(self) -> pd.DataFrame:
        """Return a DataFrame with a row per configuration, sorted by algorithm and key."""
        return self._frame(queries.configuration_list())

    def evaluations(
        self, *, fingerprint: str | None = None, key: str | None = None, limit: int | None = None
    ) -> pd.DataFrame:
        """Return a DataFrame with a row per evaluation, in the order in which they were added."""
        t, c, e = tables.tasks, tables.configurations, tables.evaluations
        query = select(
            *queries.evaluation_columns(),
            t.c.name.label("task"),
            c.c.algorithm,
            e.c.added_at,
            *(e.c[name] for name in METRICS),
        ).select_from(queries.joined_evaluations())
        if fingerprint is not None:
            query = query.where(t.c.fingerprint == fingerprint)
        if key is not None:
            query = query.where(c.c.key == key)
        frame = self._frame(query.order_by(e.c.id).limit(limit))
        frame["status"] = [str(STATUSES[status]) for status in frame["status"]]
        return frame.drop(columns=["folds"]).astype(dict.fromkeys(METRICS, float))

    def has_task(self, fingerprint: str, *, metafeatures_version: str) -> bool:
        """Return whether a task is stored with meta-features of a version and a sketch of this release's."""
        t, m, s = tables.tasks, tables.metafeatures, tables.sketches
        query = select(t.c.id).join(m, m.c.task_id == t.c.id).join(s, s.c.task_id == t.c.id)
        query = query.where(t.c.fingerprint == fingerprint, m.c.version == metafeatures_version)
        query = query.where(s.c.version == SKETCH_VERSION)
        with self.reading() as connection:
            return connection.execute(query).first() is not None

    def describe(self, fingerprint: str, *, embedding_version: str = EMBEDDING_VERSION) -> TaskDescription:
        """Return the description of a known task; an embedding by another encoder as missing.

        Raises
        ------
        NotKnownError
            If there is no such task.
        """
        with self.reading() as connection:
            of_task = tables.tasks.c.fingerprint == fingerprint
            found = queries.descriptions(connection, of_task, embedding_version=embedding_version)
        for description in found.values():
            return description
        raise NotKnownError(f"no task with fingerprint {fingerprint[:12]}; see: autometa kb list tasks")

    def near_tasks(self, fingerprint: str, sketch: Sketch | None = None) -> tuple[NearTask, ...]:
        """Return the known tasks that are nearly the same as a table, the one that shares most first.

        Parameters
        ----------
        fingerprint : str
            Of the table: the very same task is left out.
        sketch : Sketch, optional
            Of the table; default: the stored one, and nothing is found where there is none.
        """
        with self.reading() as connection:
            sketch = sketch if sketch is not None else stored_sketch(connection, fingerprint)
            return () if sketch is None else near_tasks(connection, sketch, fingerprint)

    def evaluations_of(self, fingerprint: str, *, protocol: str, pipelines_version: str) -> tuple[Evaluation, ...]:
        """Return what was measured on a task under a protocol, in the order in which it was added."""
        query = (
            select(*queries.evaluation_columns(), tables.tasks.c.kind)
            .select_from(queries.joined_evaluations())
            .where(
                tables.tasks.c.fingerprint == fingerprint,
                tables.protocols.c.name == protocol,
                tables.protocols.c.pipelines_version == pipelines_version,
            )
            .order_by(tables.evaluations.c.id)
        )
        with self.reading() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return tuple(to_evaluation(row, TaskKind(row["kind"]), Configuration.from_json(row["content"])) for row in rows)

    def protocols(self, *, pipelines_version: str) -> tuple[str, ...]:
        """Return the protocols under which anything was run with a version of pipelines, sorted by name."""
        p = tables.protocols
        is_used = select(tables.evaluations.c.id).where(tables.evaluations.c.protocol_id == p.c.id).exists()
        query = select(p.c.name).where(p.c.pipelines_version == pipelines_version, is_used).order_by(p.c.name)
        with self.reading() as connection:
            return tuple(connection.execute(query).scalars())

    def tried(self, *, protocol: str, pipelines_version: str, seed: int) -> set[tuple[str, str]]:
        """Return the pairs (fingerprint, configuration key) that are stored under a protocol."""
        query = (
            select(tables.tasks.c.fingerprint, tables.configurations.c.key)
            .select_from(queries.joined_evaluations())
            .where(
                tables.protocols.c.name == protocol,
                tables.protocols.c.pipelines_version == pipelines_version,
                tables.evaluations.c.seed == seed,
            )
        )
        with self.reading() as connection:
            return {(fingerprint, key) for fingerprint, key in connection.execute(query)}

    def experience(  # noqa: PLR0913 - what is asked for, and by which versions of what
        self,
        kind: TaskKind,
        metric: Metric,
        *,
        protocol: str,
        pipelines_version: str,
        metafeatures_version: str = EXTRACTION_VERSION,
        embedding_version: str = EMBEDDING_VERSION,
        trust: Trust = ALL_ALIKE,
    ) -> Experience:
        """Return the past runs of one kind of task, seed 0, as arrays.

        Meta-features of another version, and embeddings by another encoder, are as missing.
        A large one is kept on disk for the next call: see `autometa.knowledge.caching`.
        """
        asked = {
            "kind": str(kind),
            "metric": metric.name,
            "protocol": [protocol, pipelines_version],
            "metafeatures_version": metafeatures_version,
            "embedding_version": embedding_version,
            "weights": dict(trust.weights),
        }
        with self.reading() as connection:
            state = _info(connection, "state")
            kept = caching.load({"state": state, **asked}) if state else None
            if kept is not None:
                return kept
            revision = _revision(connection)
            rows = queries.cells(connection, kind, metric, (protocol, pipelines_version), trust)
            of_kind = tables.tasks.c.kind == str(kind)
            known = queries.descriptions(connection, of_kind, metafeatures_version, embedding_version)
            used = set(rows[:, 1].tolist())
            contents = connection.execute(select(tables.configurations.c.id, tables.configurations.c.content))
            configurations = {i: Configuration.from_json(text) for i, text in contents if i in used}
        experience = queries.to_experience(metric, rows, known, configurations, kind=kind, revision=revision)
        if state:
            caching.keep({"state": state, **asked}, experience)
        return experience

    # Inside -------------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection for reading."""
        with self._database.reading() as connection:
            yield connection

    def _frame(self, query: Select[Any]) -> pd.DataFrame:  # Any: the columns of a query have no common type
        """Return the rows of a query as a DataFrame."""
        with self.reading() as connection:
            result = connection.execute(query)
            return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()))

    def _evaluation_rows(self, writer: Writer, evaluations: Sequence[Evaluation], licence: str) -> list[Row]:
        """Return complete rows, configurations and other references added where they are new."""
        wanted = {evaluation.fingerprint for evaluation in evaluations}
        task_ids = writer.task_ids(wanted)
        for fingerprint in sorted(wanted - set(task_ids)):
            raise NotKnownError(f"no task with fingerprint {fingerprint[:12]}; add the task first")
        kinds = writer.task_kinds(task_ids.values())
        distinct = {evaluation.configuration for evaluation in evaluations}
        writer.add_configurations(configuration_row(configuration) for configuration in distinct)
        configuration_ids = writer.configuration_ids(configuration.key for configuration in distinct)
        return [
            {
                "task_id": task_ids[evaluation.fingerprint],
                "configuration_id": configuration_ids[evaluation.configuration.key],
                "protocol_id": writer.protocol_id(evaluation.protocol, evaluation.pipelines_version),
                "environment_id": writer.environment_id(to_json(evaluation.versions)),
                "origin_id": writer.origin_id(evaluation.origin, licence),
                **evaluation_row(evaluation, kinds[task_ids[evaluation.fingerprint]]),
            }
            for evaluation in evaluations
        ]


def _revision(connection: Connection) -> int:
    """Return the number of writes so far."""
    return int(_info(connection, "revision") or 0)


def _info(connection: Connection, name: str) -> str | None:
    """Return what the base notes about itself under a name."""
    return connection.execute(select(tables.info.c.value).where(tables.info.c.name == name)).scalar()
