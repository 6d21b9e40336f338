"""How a speech was to be spoken is kept in one column, so that a new knob needs no new one."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KNOBS = ("speed", "pitch", "pauses", "kbits")


def upgrade() -> None:
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
