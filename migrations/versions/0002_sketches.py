"""Sketches of tasks, and the names that their families had."""

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


def _tables() -> list[sa.Table]:
    """Return the tables of this revision as they were in it, beside the tasks that they refer to."""
    metadata = sa.MetaData(naming_convention=NAMES)
    sa.Table("tasks", metadata, sa.Column("id", sa.Integer, primary_key=True))
    sketches = sa.Table(
        "sketches",
        metadata,
        sa.Column("task_id", sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.String(32), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    family_aliases = sa.Table(
        "family_aliases",
        metadata,
        sa.Column("name", sa.String(500), primary_key=True),
        sa.Column("family", sa.String(500), nullable=False),
    )
    return [sketches, family_aliases]


def upgrade() -> None:
    """Create the tables; tasks that are there have no sketch."""
    for table in _tables():
        table.create(op.get_bind())


def downgrade() -> None:
    """Drop the tables, all sketches and the earlier names of families; families that were joined stay so."""
    for table in reversed(_tables()):
        table.drop(op.get_bind())
