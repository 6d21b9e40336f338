"""What speeches keep of pitch, closeness, size and search; hashes of the files made; recordings of merged voices."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INDEXED = (("speech", "sha256"), ("speech", "created_at"))


def _of_voice() -> list[sa.Column]:
    return [
        sa.Column("search_key", sa.String(), nullable=False, server_default=""),
        sa.Column("profile_key", sa.String()),
        sa.Column("self_closeness", sa.Double()),
    ]


def _of_speech() -> list[sa.Column]:
    return [
        sa.Column("pitch", sa.Double(), nullable=False, server_default="0"),
        sa.Column("pauses", sa.Double(), nullable=False, server_default="1"),
        sa.Column("kbits", sa.Integer(), nullable=False, server_default="128"),
        sa.Column("closeness", sa.Double()),
        sa.Column("own", sa.Double()),
        sa.Column("nearest", sa.Double()),
        sa.Column("nearest_name", sa.String()),
        sa.Column("size", sa.Integer()),
        sa.Column("search_key", sa.String(), nullable=False, server_default=""),
    ]


def upgrade() -> None:
    _add("voice", _of_voice())
    _add("speech", _of_speech())
    for table, column in INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column])
    _make_voice_recording()
    _make_made_file()
    _fill_search_keys("voice", "name", "note")
    _fill_search_keys("speech", "text", "voice_name")
    op.execute(
        "INSERT INTO made_file (sha256, created_at, voice_name) SELECT sha256, created_at, voice_name FROM speech"
    )


def _add(table: str, columns: list[sa.Column]) -> None:
    for column in columns:
        op.add_column(table, column)


def _make_voice_recording() -> None:
    op.create_table(
        "voice_recording",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("voice_id", sa.Integer(), sa.ForeignKey("voice.id", ondelete="CASCADE"), nullable=False),
        sa.Column("profile", sa.LargeBinary()),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("sha256", sa.String()),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("voice_id", "sha256"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_voice_recording_voice_id", "voice_recording", ["voice_id"])


def _make_made_file() -> None:
    op.create_table(
        "made_file",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("voice_name", sa.String()),
    )
    op.create_index("ix_made_file_sha256", "made_file", ["sha256"])


def _fill_search_keys(name: str, *searched: str) -> None:
    """What earlier versions kept is found as well."""
    connection = op.get_bind()
    table = sa.table(name, *(sa.column(column) for column in ("id", "search_key", *searched)))
    for row in connection.execute(sa.select(table)).all():
        key = _search_key(" ".join(getattr(row, column) for column in searched))
        connection.execute(sa.update(table).where(table.c.id == row.id).values(search_key=key))


def _search_key(text: str) -> str:
    """As app.db.search_key was when this was written."""
    plain = unicodedata.normalize("NFD", text).replace("\u0301", "").replace("+", "").replace("’", "'")
    return " ".join(unicodedata.normalize("NFC", plain).split()).casefold().replace("ё", "е")


def downgrade() -> None:
    op.drop_table("made_file")
    op.drop_table("voice_recording")
    for table, column in INDEXED:
        op.drop_index(f"ix_{table}_{column}", table)
    for table, columns in (("speech", _of_speech()), ("voice", _of_voice())):
        for column in columns:
            op.drop_column(table, column.name)
