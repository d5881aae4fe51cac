"""Runs that were withdrawn by those who measured them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NAMES = {"pk": "pk_%(table_name)s"}


def _table() -> sa.Table:
    """Return the table of this revision as it was in it."""
    return sa.Table(
        "withdrawals",
        sa.MetaData(naming_convention=NAMES),
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("protocol", sa.String(100), primary_key=True),
        sa.Column("pipelines_version", sa.String(32), primary_key=True),
        sa.Column("seed", sa.BigInteger, primary_key=True),
        sa.Column("origin", sa.String(200), primary_key=True),
        sa.Column("added_at", sa.BigInteger, primary_key=True),
        sa.Column("result", sa.String(64), primary_key=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger, nullable=False),
    )


def upgrade() -> None:
    """Create the table; nothing is withdrawn yet."""
    _table().create(op.get_bind())


def downgrade() -> None:
    """Drop the table; what was withdrawn may come back with the next import of it."""
    _table().drop(op.get_bind())
