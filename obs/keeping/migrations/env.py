"""What alembic runs: the revisions, on a connection that the store holds in one transaction."""

from __future__ import annotations

from alembic import context

# One transaction over all revisions: a kill leaves the old schema or the new one, never something between.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=None, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
