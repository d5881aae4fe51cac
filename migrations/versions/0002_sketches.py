"""Sketches of tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAMES = {
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def _sketches() -> sa.Table:
    """Return the table of sketches as it was in this revision, beside the tasks that it refers to."""
    metadata = sa.MetaData(naming_convention=NAMES)
    sa.Table("tasks", metadata, sa.Column("id", sa.Integer, primary_key=True))
    return sa.Table(
        "sketches",
        metadata,
        sa.Column("task_id", sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.String(32), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )


def upgrade() -> None:
    """Create the table; tasks that are there have no sketch."""
    _sketches().create(op.get_bind())


def downgrade() -> None:
    """Drop the table and all sketches."""
    _sketches().drop(op.get_bind())
