"""Browsers that gave the site's password."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("token_hash", sa.String(), nullable=False, unique=True),
        sa.Column("password_key", sa.String(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("sign_in")
