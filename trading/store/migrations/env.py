"""What alembic runs: the revisions of one file, on a connection whose transaction the caller holds."""

from __future__ import annotations

from alembic import context

# All revisions in one transaction: a kill leaves the old tables or the new ones, never some of each.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=None, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
