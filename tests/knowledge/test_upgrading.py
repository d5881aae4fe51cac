"""Up and down again: a stored database of every released schema, on both engines, and what fails half-way."""

import shlex
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Integer, MetaData, insert, select, text

from autometa._paths import migrations_path
from autometa.errors import KnowledgeError, SchemaError
from autometa.evaluation.record import Status
from autometa.knowledge import schema
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.withdrawing import withdrawn_runs
from autometa.metric import default_metric, metrics_of
from autometa.task_kind import TaskKind
from tests.conftest import Command
from tests.databases.make import old_embedding
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask
from tests.knowledge.test_schema import NEXT, scripts_with

DATABASES = sorted((Path(__file__).parents[1] / "databases").glob("*.db"))
REVISIONS = [path.stem for path in DATABASES]

both_backends = pytest.mark.both_backends
each_stored = pytest.mark.parametrize("old", REVISIONS, indirect=True)
newest_stored = pytest.mark.parametrize("old", [schema.HEAD], indirect=True)

# Each does something to tables and rows before it fails.
HALF_WAY = """
import sqlalchemy as sa
from alembic import op

def _fail():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("origins", sa.Column("note", sa.Text))
    op.execute("UPDATE tasks SET name = 'changed'")
    op.execute("DELETE FROM repeats")
    op.drop_table("shards")
    {failure}
"""
UP = "\ndef upgrade():\n    _fail()\n"
DOWN = "\ndef upgrade():\n    pass\n\ndef downgrade():\n    _fail()\n"
FAILURES = {
    'raise RuntimeError("the power went off")': (RuntimeError, "^the power went off$"),
    "op.execute(\"UPDATE tasks SET kind = 'clustering'\")": (
        KnowledgeError,
        r"^the schema of .* cannot be changed, it is as it was: .*(CHECK|check constraint)",
    ),
}
each_failure = pytest.mark.parametrize("failure", FAILURES, ids=["by a bug", "by the database"])

Rows = dict[str, list[dict[str, Any]]]  # by table, in the order of their keys; Any: what columns hold


@pytest.fixture
def old(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> Iterator[Engine]:
    """A base at the revision of the test, with the rows of the stored database of that revision."""
    revision = request.param
    file = Path(shutil.copy(DATABASES[REVISIONS.index(revision)], tmp_path))
    stored = schema.connect(schema.to_url(file))
    if backend == "sqlite":
        yield stored
        stored.dispose()
        return
    server = request.getfixturevalue("postgres")
    url = server.url(server.new_database())
    engine = schema.connect(schema.to_url(url))
    schema.upgrade(engine, revision)
    _copy_rows(stored, engine)
    stored.dispose()
    yield engine
    engine.dispose()
    server.drop(url)


def _copy_rows(source: Engine, target: Engine) -> None:
    """Copy all rows into the same tables, empty so far, of PostgreSQL, whose counters go on after them."""
    rows = _rows(source)
    metadata = MetaData()
    metadata.reflect(target)
    with target.begin() as connection:
        for table in metadata.sorted_tables:
            if table.name != "alembic_version" and rows[table.name]:
                connection.execute(insert(table), rows[table.name])
                if "id" in table.c and isinstance(table.c.id.type, Integer):
                    counter = f"pg_get_serial_sequence('{table.name}', 'id')"
                    connection.execute(text(f"SELECT setval({counter}, max(id)) FROM {table.name}"))
    assert _rows(target) == rows


def _rows(engine: Engine) -> Rows:
    """Return every row of every table, but for the state of the base, which a migration draws anew."""
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        rows = {
            name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for name, table in metadata.tables.items()
        }
    rows["info"] = [row for row in rows["info"] if row["name"] != "state"]
    return rows


def _state(engine: Engine) -> str | None:
    """Return the state of a base, None where it has none yet."""
    with engine.connect() as connection:
        return connection.execute(text("SELECT value FROM info WHERE name = 'state'")).scalar()


def _in_both(rows: Rows, others: Rows) -> Rows:
    """Return those rows in the tables and columns that others have, too; Alembic's own left out."""
    columns = {name: set(others[name][0]) for name in others if others[name]}
    return {
        name: [{column: value for column, value in row.items() if column in columns.get(name, row)} for row in found]
        for name, found in rows.items()
        if name in others and name != "alembic_version"
    }


def _place(engine: Engine) -> str:
    """Return the place of a base without a password."""
    return schema.shown(engine.url)


def _set_version(engine: Engine, version: str) -> None:
    """Write another version of the schema into a base."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def test_every_released_schema_has_a_stored_database() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_path()))
    revisions = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    assert set(REVISIONS) == revisions
    assert all(path.stat().st_size < 100_000 for path in DATABASES)


@both_backends
@each_stored
def test_up_to_this_release_and_down_again_keeps_every_row(old: Engine) -> None:
    before, revision = _rows(old), schema.version(old)
    states = [_state(old)]
    assert len(before["evaluations"]) == 15
    assert len(before["repeats"]) == 1
    schema.upgrade(old)
    upgraded = _rows(old)
    assert schema.version(old) == schema.HEAD
    assert before.keys() <= upgraded.keys()
    assert _in_both(upgraded, before) == _in_both(before, upgraded)
    states.append(_state(old))
    assert revision is not None
    schema.downgrade(old, revision)
    assert _rows(old) == before
    states.append(_state(old))
    assert len(set(states)) == (1 if revision == schema.HEAD else 3)


@both_backends
@newest_stored
@pytest.mark.parametrize("revision", REVISIONS)
def test_down_to_an_earlier_release_and_up_again_keeps_every_row_that_it_knows(old: Engine, revision: str) -> None:
    before = _rows(old)
    schema.downgrade(old, revision)
    downgraded = _rows(old)
    assert schema.version(old) == revision
    assert len(downgraded["evaluations"]) == 15
    assert _in_both(downgraded, before) == _in_both(before, downgraded)
    schema.upgrade(old)
    upgraded = _rows(old)
    assert upgraded.keys() == before.keys()
    assert _in_both(upgraded, downgraded) == _in_both(before, downgraded)


@both_backends
@each_stored
@each_failure
def test_an_upgrade_that_fails_half_way_leaves_the_old_state(old: Engine, failure: str, tmp_path: Path) -> None:
    before = _rows(old)
    error, message = FAILURES[failure]
    scripts = scripts_with(tmp_path / "migrations", HALF_WAY.format(failure=failure) + UP)
    state = _state(old)
    with pytest.raises(error, match=message):
        schema.upgrade(old, NEXT, scripts=scripts)
    assert _rows(old) == before
    assert _state(old) == state
    schema.upgrade(old)
    assert schema.version(old) == schema.HEAD


@both_backends
@newest_stored
@each_failure
def test_a_downgrade_that_fails_half_way_leaves_the_newer_state(old: Engine, failure: str, tmp_path: Path) -> None:
    scripts = scripts_with(tmp_path / "migrations", HALF_WAY.format(failure=failure) + DOWN)
    schema.upgrade(old, NEXT, scripts=scripts)
    before = _rows(old)
    error, message = FAILURES[failure]
    with pytest.raises(error, match=message):
        schema.downgrade(old, "0001", scripts=scripts)
    assert _rows(old) == before


@both_backends
@pytest.mark.parametrize("old", [each for each in REVISIONS if each < schema.HEAD], indirect=True)
def test_opening_an_older_base_says_the_command_that_upgrades_it(old: Engine, autometa: Command) -> None:
    before = _rows(old)
    with pytest.raises(
        SchemaError, match=rf"^the knowledge base has schema \d+, this release reads {schema.HEAD}; "
    ) as e:
        KnowledgeBase(_place(old))
    assert _rows(old) == before
    refused = autometa("kb", "status", "--db", _place(old))
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", f"error: {e.value}\n")
    program, *words = shlex.split(str(e.value).partition("; run: ")[2])
    assert program == "autometa"
    upgraded = autometa(*words)
    assert (upgraded.returncode, upgraded.stderr) == (0, "")
    with KnowledgeBase(_place(old)) as base:
        assert base.status().evaluations["total"] == 15


@both_backends
@newest_stored
def test_a_newer_base_is_refused_with_the_command_that_brings_a_newer_release(old: Engine, autometa: Command) -> None:
    _set_version(old, "9999")
    before = _rows(old)
    message = f"the knowledge base has schema 9999, newer than {schema.HEAD}; run: pip install --upgrade autometa-ml"
    for refuse in (lambda: KnowledgeBase(_place(old)), lambda: schema.upgrade(old)):
        with pytest.raises(SchemaError) as caught:
            refuse()
        assert str(caught.value) == message
    refused = autometa("kb", "upgrade", "--db", _place(old))
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", f"error: {message}\n")
    assert _rows(old) == before


@both_backends
@pytest.mark.parametrize("old", REVISIONS[:1], indirect=True)
def test_of_two_who_upgrade_at_once_the_second_finds_it_done(old: Engine) -> None:
    are_ready = threading.Barrier(2)

    def upgrade() -> None:
        engine = schema.connect(schema.to_url(_place(old)))
        are_ready.wait(30)
        schema.upgrade(engine)
        engine.dispose()

    with ThreadPoolExecutor(2) as pool:
        for ended in [pool.submit(upgrade) for _ in range(2)]:
            ended.result(60)
    assert schema.version(old) == schema.HEAD


@both_backends
@each_stored
def test_a_stored_database_is_upgraded_and_every_row_read(
    old: Engine, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    was = schema.version(old)
    schema.upgrade(old)
    with KnowledgeBase(_place(old)) as base:
        status = base.status()
        assert status.tasks == {"total": 3, "binary": 1, "multiclass": 1, "regression": 1}
        assert status.evaluations == {"total": 15, "ok": 6, "failed": 3, "timed_out": 3, "out_of_memory": 3}
        assert status.differing_repeats == 1
        assert withdrawn_runs(base).total() == int(was is not None and was >= "0004")
        for kind, task in zip(TaskKind, base.tasks().to_dict("records"), strict=True):
            assert (task["name"], task["kind"], task["licence"]) == (f"old {kind}", kind, "CC0")
            fingerprint = task["fingerprint"]
            description = base.describe(fingerprint, embedding_version="1")
            assert description.family == f"family of {kind}"
            assert description.n_rows == 6
            has_embedding = was is not None and was >= "0005"
            assert description.embedding == (old_embedding(kind) if has_embedding else None)
            found = base.evaluations_of(fingerprint, protocol="cv-v1", pipelines_version="0.1")
            assert [evaluation.status for evaluation in found] == [Status.OK, *Status]
            for evaluation in found:
                assert evaluation.fingerprint == fingerprint
                assert evaluation.versions == {"python": "3.11.7", "scikit-learn": "1.9.1"}
                assert evaluation.origin == "old machine"
            ok, partial = found[0], found[1]
            assert ok.fold_scores == {metric.name: (0.1 + 0.2, 0.25, 1 / 3) for metric in metrics_of(kind)}
            assert ok.configuration.values == {"alpha": 0.125, "is_fast": True, "kind": "ü", "n": 3, "none": None}
            assert set(partial.absent) == {default_metric(kind).name}
            assert not set(partial.absent) & set(partial.fold_scores)
            assert "ended badly" in found[2].error
            experience = base.experience(kind, default_metric(kind), protocol="cv-v1", pipelines_version="0.1")
            assert experience.losses.shape == (1, 5)
            # a base of any age goes on to be written
            new = make_task(9, kind)
            base.add_task(new, make_metafeatures())
            assert base.add_evaluations([make_evaluation(new)]).n_new == 1
