"""Alembic's entry: runs on the connection, and in the transaction, that `app.migrations` opened."""

from alembic import context

# Importing the tables registers them, for `alembic check` in the tests.
import app.accounts.models
import app.mail.outbox
import app.tokens.models  # noqa: F401
from app.core.db import Table

given = context.config.attributes
if context.is_offline_mode():  # a plan: the statements are written down, not run
    context.configure(dialect_name=given["dialect"], target_metadata=Table.metadata, literal_binds=True)
else:
    context.configure(connection=given["connection"], target_metadata=Table.metadata, compare_type=True)
context.run_migrations()
