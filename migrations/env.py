"""How Alembic reaches the database: in the transaction it is given, or by a connection of the app's own."""

from alembic import context
from flask import current_app

settings = current_app.extensions["migrate"]


def run(connection) -> None:
    context.configure(connection=connection, target_metadata=settings.metadata, **settings.configure_args)
    with context.begin_transaction():
        context.run_migrations()


if connection := context.config.attributes.get("connection"):
    run(connection)
else:
    with settings.db.engine.begin() as connection:
        run(connection)
