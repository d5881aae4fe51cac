"""Migrations: what they make, and what they must not break; the databases of earlier releases: test_upgrading.py."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Engine, MetaData, inspect, text
from sqlalchemy.exc import IntegrityError

from autometa._paths import migrations_path
from autometa.errors import KnowledgeError, SchemaError
from autometa.knowledge import schema, tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.withdrawing import Withdrawals, withdrawn_runs

WITHDRAWAL = {
    **{"fingerprint": "0" * 64, "key": "1" * 64, "protocol": "cv-v1", "pipelines_version": "1", "seed": 0},
    **{"origin": "pilot", "added_at": 1, "result": "2" * 64, "reason": "wrong clock"},
}

NEXT = f"{int(schema.HEAD) + 1:04}"

MAKING = """
import sqlalchemy as sa
from alembic import op

def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
"""

ORPHANING = """
from alembic import op

def upgrade():
    op.execute("DELETE FROM tasks")
"""

REBUILDING = """
import sqlalchemy as sa
from alembic import op

def upgrade():
    with op.batch_alter_table("tasks", recreate="always") as batch:
        batch.add_column(sa.Column("note", sa.Text))

def downgrade():
    with op.batch_alter_table("tasks", recreate="always") as batch:
        batch.drop_column("note")
"""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """An engine for a file without any tables."""
    return schema.connect(schema.to_url(tmp_path / "runs.db"), create=True)


def scripts_with(folder: Path, migration: str) -> Path:
    """Return a copy of the migrations with one more."""
    shutil.copytree(migrations_path(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    heading = f'revision = "{NEXT}"\ndown_revision = "{schema.HEAD}"\n'
    (folder / "versions" / f"{NEXT}_another.py").write_text(heading + migration)
    return folder


def _objects(engine: Engine) -> set[str]:
    """Return the names of all tables and indexes, Alembic's own left out."""
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master")).scalars()
        return {name for name in names if "alembic_version" not in name}


def _foreign_keys(engine: Engine) -> int:
    """Return SQLite's switch for foreign keys."""
    with engine.connect() as connection:
        return int(connection.execute(text("PRAGMA foreign_keys")).scalar_one())


def test_the_head_of_the_schema_is_the_head_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_path()))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_all_migrations_together_make_the_tables(engine: Engine) -> None:
    schema.create(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_all_migrations_together_make_the_check_constraints(engine: Engine) -> None:
    schema.create(engine)
    expected = {
        (table.name, str(constraint.name), str(constraint.sqltext))
        for table in tables.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    found = {
        (name, str(constraint["name"]), str(constraint["sqltext"]))
        for name in inspect(engine).get_table_names()
        for constraint in inspect(engine).get_check_constraints(name)
    }
    assert len(expected) == 2
    assert found == expected


def test_the_comparison_sees_a_table_too_many(engine: Engine) -> None:
    schema.create(engine)
    more = MetaData()
    for table in tables.metadata.sorted_tables:
        if table is not tables.shards:
            table.to_metadata(more)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), more) != []


def test_downgrading_to_the_first_schema_drops_sketches_and_aliases_and_nothing_else(filled: KnowledgeBase) -> None:
    engine = schema.connect(schema.to_url(filled.place))
    schema.downgrade(engine, "0002")
    before = _objects(engine)
    schema.downgrade(engine, "0001")
    new = {"sketches", "family_aliases"}
    assert before - _objects(engine) == new | {f"sqlite_autoindex_{name}_1" for name in new}
    assert len(filled.evaluations()) == 12
    schema.upgrade(engine, "0002")
    assert _objects(engine) == before


def test_downgrading_to_the_second_schema_drops_claims_and_nothing_else(filled: KnowledgeBase) -> None:
    engine = schema.connect(schema.to_url(filled.place))
    schema.downgrade(engine, "0003")
    before = _objects(engine)
    with filled.claims(protocol="cv-v1", pipelines_version="1", seed=0) as claims:
        claims.take([("a", "b")])
        schema.downgrade(engine, "0002")
        new = {"workers", "claims"}
        indexes = {f"sqlite_autoindex_{name}_1" for name in new} | {"ix_claims_worker_id"}
        assert before - _objects(engine) == new | indexes
        assert len(filled.evaluations()) == 12
        schema.upgrade(engine, "0003")
    assert _objects(engine) == before


@pytest.mark.both_backends
def test_downgrading_to_the_third_schema_forgets_what_is_withdrawn_and_nothing_else(filled: KnowledgeBase) -> None:
    engine = schema.connect(schema.to_url(filled.place))
    with filled.writing() as writer:
        Withdrawals(writer).add([WITHDRAWAL])
    before = set(inspect(engine).get_table_names())
    schema.downgrade(engine, "0003")
    assert before - set(inspect(engine).get_table_names()) == {"withdrawals", "embeddings"}
    with pytest.raises(SchemaError, match=f"has schema 0003, this release reads {schema.HEAD}; run: autometa kb upgr"):
        KnowledgeBase(filled.place)
    schema.upgrade(engine)
    assert set(inspect(engine).get_table_names()) == before
    assert withdrawn_runs(filled).total() == 0
    assert filled.status().evaluations["total"] == 12
    with filled.writing() as writer:
        Withdrawals(writer).add([WITHDRAWAL])
    assert withdrawn_runs(filled) == {("pilot", "wrong clock"): 1}
    engine.dispose()


@pytest.mark.both_backends
def test_downgrading_to_the_fourth_schema_drops_embeddings_and_nothing_else(filled: KnowledgeBase) -> None:
    engine = schema.connect(schema.to_url(filled.place))
    before = set(inspect(engine).get_table_names())
    assert filled.status().embedded == 3
    schema.downgrade(engine, "0004")
    assert before - set(inspect(engine).get_table_names()) == {"embeddings"}
    schema.upgrade(engine)
    assert set(inspect(engine).get_table_names()) == before
    assert (filled.status().embedded, filled.status().evaluations["total"]) == (0, 12)
    engine.dispose()


def test_downgrading_to_base_leaves_nothing(engine: Engine) -> None:
    schema.create(engine)
    assert len(_objects(engine)) > 10
    schema.downgrade(engine, "base")
    assert _objects(engine) == set()
    assert schema.version(engine) is None


def test_foreign_keys_are_on_before_and_after_a_migration(engine: Engine) -> None:
    assert _foreign_keys(engine) == 1
    schema.create(engine)
    assert _foreign_keys(engine) == 1
    with pytest.raises(IntegrityError, match="FOREIGN KEY"), engine.begin() as connection:
        connection.execute(text('INSERT INTO metafeatures (task_id, version, "values", failures) VALUES (9, 1, 1, 1)'))


def test_the_database_refuses_an_unknown_status_and_an_unknown_kind(filled: KnowledgeBase) -> None:
    engine = schema.connect(schema.to_url(filled.place))
    for statement in ("UPDATE evaluations SET status = 4", "UPDATE tasks SET kind = 'clustering'"):
        with pytest.raises(IntegrityError, match="CHECK"), engine.begin() as connection:
            connection.execute(text(statement))


def test_upgrading_what_is_new_enough_changes_nothing(filled: KnowledgeBase) -> None:
    revision = filled.revision
    schema.upgrade(schema.connect(schema.to_url(filled.place)))
    assert filled.revision == revision
    assert filled.status().evaluations["total"] == 12


def test_a_migration_that_breaks_references_is_undone(filled: KnowledgeBase, tmp_path: Path) -> None:
    engine = schema.connect(schema.to_url(filled.place))
    with pytest.raises(KnowledgeError, match="would break references; nothing was changed"):
        schema.upgrade(engine, NEXT, scripts=scripts_with(tmp_path / "migrations", ORPHANING))
    assert schema.version(engine) == schema.HEAD
    assert len(filled.tasks()) == 3
    assert _foreign_keys(engine) == 1


def test_rebuilding_a_parent_table_keeps_its_children(filled: KnowledgeBase, tmp_path: Path) -> None:
    engine = schema.connect(schema.to_url(filled.place))
    scripts = scripts_with(tmp_path / "migrations", REBUILDING)
    schema.upgrade(engine, NEXT, scripts=scripts)
    assert schema.version(engine) == NEXT
    assert filled.status().evaluations["total"] == 12
    schema.downgrade(engine, schema.HEAD, scripts=scripts)
    assert filled.status().evaluations["total"] == 12
    assert filled.status().tasks["total"] == 3


def test_a_migration_that_the_file_does_not_allow_is_a_knowledge_error(filled: KnowledgeBase, tmp_path: Path) -> None:
    driver = sqlite3.connect(filled.place)
    driver.execute("CREATE TABLE half (id INTEGER)")
    driver.close()
    engine = schema.connect(schema.to_url(filled.place))
    with pytest.raises(KnowledgeError, match="half already exists"):
        schema.upgrade(engine, NEXT, scripts=scripts_with(tmp_path / "migrations", MAKING))
