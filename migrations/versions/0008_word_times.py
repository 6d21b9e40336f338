"""When each word of a speech is said."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("speech", sa.Column("times", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("speech", "times")
