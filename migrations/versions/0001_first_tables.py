"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
METRICS = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "rmse", "mae", "r2")
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def _tables() -> sa.MetaData:
    """Return the tables as they were in this revision."""
    metadata = sa.MetaData(naming_convention=NAMES)
    sa.Table(
        "info",
        metadata,
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    sa.Table(
        "origins",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("licence", sa.String(200), nullable=False),
        sa.UniqueConstraint("name", "licence"),
    )
    sa.Table(
        "environments",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("versions", sa.Text, nullable=False, unique=True),
    )
    sa.Table(
        "protocols",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("pipelines_version", sa.String(32), nullable=False),
        sa.UniqueConstraint("name", "pipelines_version"),
    )
    sa.Table(
        "tasks",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("family", sa.String(500), nullable=False, index=True),
        sa.Column("n_rows", sa.BigInteger, nullable=False),
        sa.Column("n_columns", sa.Integer, nullable=False),
        sa.Column("n_classes", sa.Integer, nullable=False),
        sa.Column("licence", sa.String(200), nullable=False),
        sa.Column("origin_id", sa.ForeignKey("origins.id"), nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("kind IN ('binary', 'multiclass', 'regression')", name="kind"),
    )
    sa.Table(
        "metafeatures",
        metadata,
        sa.Column("task_id", sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.String(32), primary_key=True),
        sa.Column("values", sa.Text, nullable=False),
        sa.Column("failures", sa.Text, nullable=False),
    )
    sa.Table(
        "configurations",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("algorithm", sa.String(200), nullable=False, index=True),
        sa.Column("content", sa.Text, nullable=False),
    )
    _add_evaluations(metadata)
    sa.Table(
        "shards",
        metadata,
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
    )
    return metadata


def _add_evaluations(metadata: sa.MetaData) -> None:
    """Add the tables of evaluations and their differing repeats."""
    sa.Table(
        "evaluations",
        metadata,
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("task_id", sa.ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("configuration_id", sa.ForeignKey("configurations.id"), nullable=False),
        sa.Column("protocol_id", sa.ForeignKey("protocols.id"), nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        *(sa.Column(name, sa.Double) for name in METRICS),
        sa.Column("folds", sa.LargeBinary),
        sa.Column("fit_seconds", sa.Double),
        sa.Column("predict_seconds", sa.Double),
        sa.Column("peak_memory_bytes", sa.BigInteger),
        sa.Column("error", sa.Text),
        sa.Column("absent", sa.Text),
        sa.Column("environment_id", sa.ForeignKey("environments.id"), nullable=False),
        sa.Column("origin_id", sa.ForeignKey("origins.id"), nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("status BETWEEN 0 AND 3", name="status"),
        sa.UniqueConstraint("task_id", "configuration_id", "protocol_id", "seed"),
    )
    sa.Table(
        "repeats",
        metadata,
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("evaluation_id", sa.ForeignKey("evaluations.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("scores", sa.Text, nullable=False),
        sa.Column("origin_id", sa.ForeignKey("origins.id"), nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
    )


def upgrade() -> None:
    """Create the tables."""
    _tables().create_all(op.get_bind())


def downgrade() -> None:
    """Drop the tables and all that is in them."""
    _tables().drop_all(op.get_bind())
