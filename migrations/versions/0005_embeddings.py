"""Embeddings of tasks by the few-shot encoder."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAMES = {
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def _table() -> sa.Table:
    """Return the table of this revision as it was in it, with the table that it refers to."""
    metadata = sa.MetaData(naming_convention=NAMES)
    sa.Table("tasks", metadata, sa.Column("id", sa.Integer, primary_key=True))
    return sa.Table(
        "embeddings",
        metadata,
        sa.Column("task_id", sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.String(32), primary_key=True),
        sa.Column("values", sa.Text, nullable=False),
    )


def upgrade() -> None:
    """Create the table; tasks that are there have no embedding."""
    _table().create(op.get_bind())


def downgrade() -> None:
    """Drop the table, and all embeddings."""
    _table().drop(op.get_bind())
