"""Workers, and the evaluations that they have claimed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def _tables() -> list[sa.Table]:
    """Return the tables of this revision as they were in it."""
    metadata = sa.MetaData(naming_convention=NAMES)
    workers = sa.Table(
        "workers",
        metadata,
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("machine", sa.String(200), nullable=False),
        sa.Column("process", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    claims = sa.Table(
        "claims",
        metadata,
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("protocol", sa.String(100), primary_key=True),
        sa.Column("pipelines_version", sa.String(32), primary_key=True),
        sa.Column("seed", sa.BigInteger, primary_key=True),
        sa.Column("worker_id", sa.ForeignKey("workers.id", ondelete="CASCADE"), nullable=False, index=True),
    )
    return [workers, claims]


def upgrade() -> None:
    """Create the tables."""
    for table in _tables():
        table.create(op.get_bind())


def downgrade() -> None:
    """Drop the tables; whatever is being grown is no longer claimed."""
    for table in reversed(_tables()):
        table.drop(op.get_bind())
