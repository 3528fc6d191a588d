"""Alembic's entry: runs on the connection, and in the transaction, that `app.migrations` opened."""

from alembic import context

# Importing the tables registers them, for `alembic check` in the tests.
import app.accounts.models
import app.mail.outbox
import app.tokens.models  # noqa: F401
from app.core.db import Table

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, compare_type=True)
context.run_migrations()
