"""Knobs of speaking in one column; a recording of every voice; similarity by its name in the field."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KNOBS = ("speed", "pitch", "pauses", "kbits")
RENAMED = (("speech", "closeness", "similarity"), ("voice", "self_closeness", "self_similarity"))
FIRST_RECORDINGS = """
    INSERT INTO voice_recording (voice_id, profile, seconds, file_name, created_at)
    SELECT id, profile, seconds, file_name, created_at FROM voice
    WHERE id NOT IN (SELECT voice_id FROM voice_recording)
"""


def upgrade() -> None:
    op.execute(FIRST_RECORDINGS)
    for table, old, new in RENAMED:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    _put_knobs_into_one_column()


def _put_knobs_into_one_column() -> None:
    op.add_column("speech", sa.Column("knobs", sa.JSON(), nullable=False, server_default="{}"))
    connection, speech = op.get_bind(), _speech()
    for row in connection.execute(sa.select(speech.c.id, *(speech.c[name] for name in KNOBS))).all():
        knobs = {name: getattr(row, name) for name in KNOBS}
        connection.execute(sa.update(speech).where(speech.c.id == row.id).values(knobs=knobs))
    for name in KNOBS:
        op.drop_column("speech", name)


def _speech() -> sa.TableClause:
    columns = [sa.column("id", sa.Integer), *(sa.column(name) for name in KNOBS), sa.column("knobs", sa.JSON)]
    return sa.table("speech", *columns)


def downgrade() -> None:
    """Recordings stay: earlier versions know a voice of one recording with its row, too."""
    for table, old, new in RENAMED:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}")
    op.add_column("speech", sa.Column("speed", sa.Double(), nullable=False, server_default="1"))
    op.add_column("speech", sa.Column("pitch", sa.Double(), nullable=False, server_default="0"))
    op.add_column("speech", sa.Column("pauses", sa.Double(), nullable=False, server_default="1"))
    op.add_column("speech", sa.Column("kbits", sa.Integer(), nullable=False, server_default="128"))
    connection, speech = op.get_bind(), _speech()
    for row in connection.execute(sa.select(speech.c.id, speech.c.knobs)).all():
        known = {name: row.knobs[name] for name in KNOBS if name in row.knobs}
        if known:
            connection.execute(sa.update(speech).where(speech.c.id == row.id).values(known))
    op.drop_column("speech", "knobs")
