"""Voices, speeches, ready voices and the dictionary: the tables of a database from before migrations.

Those that are there are left as they are, so that such a database passes through here as a new one does.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    there = sa.inspect(op.get_bind()).get_table_names()
    for name, make in (
        ("voice", _voice),
        ("speech", _speech),
        ("ready_voice", _ready_voice),
        ("pronunciation", _pronunciation),
    ):
        if name not in there:
            make()


def _voice() -> None:
    op.create_table(
        "voice",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("profile", sa.LargeBinary()),
        sa.Column("language", sa.String()),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("origin", sa.String()),
        sa.Column("licence", sa.String()),
        sa.Column("consent_at", sa.DateTime()),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("name_key"),
        sqlite_autoincrement=True,
    )


def _speech() -> None:
    op.create_table(
        "speech",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("voice_id", sa.Integer(), sa.ForeignKey("voice.id", ondelete="SET NULL")),
        sa.Column("voice_name", sa.String(), nullable=False),
        sa.Column("profile", sa.LargeBinary()),
        sa.Column("consent_at", sa.DateTime()),
        sa.Column("language", sa.String()),
        sa.Column("speed", sa.Double(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_speech_voice_id", "speech", ["voice_id"])


def _ready_voice() -> None:
    op.create_table("ready_voice", sa.Column("name", sa.String(), primary_key=True))


def _pronunciation() -> None:
    op.create_table(
        "pronunciation",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("word", sa.String(), nullable=False, unique=True),
        sa.Column("respelling", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )


def downgrade() -> None:
    for name in ("speech", "voice", "ready_voice", "pronunciation"):
        op.drop_table(name)
