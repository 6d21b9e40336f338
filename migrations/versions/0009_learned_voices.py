"""What voices learn from their recordings, and the texts that were read in these."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("voice_recording", sa.Column("text", sa.String()))
    op.add_column("voice_recording", sa.Column("text_language", sa.String()))
    op.create_table(
        "learned_voice",
        sa.Column("voice_id", sa.Integer(), sa.ForeignKey("voice.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("adapter", sa.LargeBinary(), nullable=False),
        sa.Column("made_on", sa.String(), nullable=False),
        sa.Column("is_used", sa.Boolean(), nullable=False),
        sa.Column("similarity", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "lesson",
        sa.Column("voice_id", sa.Integer(), sa.ForeignKey("voice.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("seconds_left", sa.Double()),
        sa.Column("fault", sa.JSON()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("lesson")
    op.drop_table("learned_voice")
    op.drop_column("voice_recording", "text_language")
    op.drop_column("voice_recording", "text")
