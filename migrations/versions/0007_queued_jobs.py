"""Texts that wait to be spoken by any of several processes."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queued_job",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("token", sa.String(), nullable=False, unique=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("request_id", sa.String()),
        sa.Column("knobs", sa.JSON(), nullable=False),
        sa.Column("voice", sa.JSON(), nullable=False),
        sa.Column("consent_at", sa.DateTime()),
        sa.Column("profile", sa.LargeBinary()),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String()),
        sa.Column("home", sa.String()),
        sa.Column("n_phones", sa.JSON(), nullable=False),
        sa.Column("n_spoken", sa.Integer(), nullable=False),
        sa.Column("phones_left", sa.Double(), nullable=False),
        sa.Column("is_cancelled", sa.Boolean(), nullable=False),
        sa.Column("is_seen", sa.Boolean(), nullable=False),
        sa.Column("fault", sa.JSON()),
        sa.Column("speech_id", sa.Integer()),
        sa.Column("draft", sa.String()),
        sa.Column("audible", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("beat_at", sa.Double()),
        sa.Column("over_at", sa.Double()),
    )
    op.create_index("ix_queued_job_owner", "queued_job", ["owner"])
    op.create_index("ix_queued_job_state", "queued_job", ["state"])


def downgrade() -> None:
    op.drop_table("queued_job")
