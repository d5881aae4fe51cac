"""The tables of the knowledge base.

One row per evaluation, metrics as columns, folds as one compact value: measured against a row per fold
and a row per metric in ``docs/benchmarks.md``. Names, keys and JSON stand once, in tables of their own.
A change here needs a migration and a stored database in ``tests/databases/``.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from autometa.metric import METRICS

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the key is exactly INTEGER.
_RowId = BigInteger().with_variant(Integer(), "sqlite")

info = Table(
    "info",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

origins = Table(
    "origins",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("licence", String(200), nullable=False),
    UniqueConstraint("name", "licence"),
)

environments = Table(
    "environments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("versions", Text, nullable=False, unique=True),  # JSON: library -> version
)

protocols = Table(
    "protocols",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("pipelines_version", String(32), nullable=False),
    UniqueConstraint("name", "pipelines_version"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("name", String(500), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("family", String(500), nullable=False, index=True),
    Column("n_rows", BigInteger, nullable=False),
    Column("n_columns", Integer, nullable=False),
    Column("n_classes", Integer, nullable=False),  # 0 for regression
    Column("licence", String(200), nullable=False),
    Column("origin_id", ForeignKey("origins.id"), nullable=False),
    Column("added_at", BigInteger, nullable=False),  # seconds since 1970, UTC
    CheckConstraint("kind IN ('binary', 'multiclass', 'regression')", name="kind"),
)

metafeatures = Table(
    "metafeatures",
    metadata,
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("version", String(32), primary_key=True),
    Column("values", Text, nullable=False),  # JSON: name -> number or null
    Column("failures", Text, nullable=False),  # JSON: name -> reason
)

sketches = Table(
    "sketches",
    metadata,
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("version", String(32), primary_key=True),
    Column("content", LargeBinary, nullable=False),  # see sketches.Sketch.to_bytes
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("version", String(32), primary_key=True),  # of the encoder
    Column("values", Text, nullable=False),  # see embedding.embedding_json
)

family_aliases = Table(
    "family_aliases",
    metadata,
    Column("name", String(500), primary_key=True),  # of a family that became one with another
    Column("family", String(500), nullable=False),  # its name now, never an alias itself
)

configurations = Table(
    "configurations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("algorithm", String(200), nullable=False, index=True),
    Column("content", Text, nullable=False),  # the canonical JSON
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    Column("configuration_id", ForeignKey("configurations.id"), nullable=False),
    Column("protocol_id", ForeignKey("protocols.id"), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),  # position in knowledge.rows.STATUSES
    *(Column(name, Double) for name in METRICS),  # mean over folds, in the metric's own direction
    Column("folds", LargeBinary),  # see knowledge.rows.pack_folds
    Column("fit_seconds", Double),
    Column("predict_seconds", Double),
    Column("peak_memory_bytes", BigInteger),
    Column("error", Text),
    Column("absent", Text),  # JSON: metric -> reason; null where every metric is there
    Column("environment_id", ForeignKey("environments.id"), nullable=False),
    Column("origin_id", ForeignKey("origins.id"), nullable=False),
    Column("added_at", BigInteger, nullable=False),
    CheckConstraint("status BETWEEN 0 AND 3", name="status"),
    UniqueConstraint("task_id", "configuration_id", "protocol_id", "seed"),
)

repeats = Table(
    "repeats",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("evaluation_id", ForeignKey("evaluations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("status", SmallInteger, nullable=False),
    Column("scores", Text, nullable=False),  # JSON: metric -> mean score
    Column("origin_id", ForeignKey("origins.id"), nullable=False),
    Column("added_at", BigInteger, nullable=False),
)

shards = Table(
    "shards",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("added_at", BigInteger, nullable=False),
)

# Without references: what is withdrawn may come later, or never.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("protocol", String(100), primary_key=True),
    Column("pipelines_version", String(32), primary_key=True),
    Column("seed", BigInteger, primary_key=True),
    Column("origin", String(200), primary_key=True),
    Column("added_at", BigInteger, primary_key=True),  # when the run was added first, wherever that was
    Column("result", String(64), primary_key=True),  # see knowledge.withdrawing.result_hash
    Column("reason", String(500), nullable=False),
    Column("withdrawn_at", BigInteger, nullable=False),  # when that became known here
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("machine", String(200), nullable=False),
    Column("process", Integer, nullable=False),  # its number on that machine
    Column("expires_at", Double, nullable=False),  # seconds since 1970, by the database's clock
)

# Without references to tasks and configurations: what is claimed need not be known yet.
claims = Table(
    "claims",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("protocol", String(100), primary_key=True),
    Column("pipelines_version", String(32), primary_key=True),
    Column("seed", BigInteger, primary_key=True),
    Column("worker_id", ForeignKey("workers.id", ondelete="CASCADE"), nullable=False, index=True),
)
