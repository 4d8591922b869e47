"""Run Alembic on the connection it is handed, in one transaction on both engines."""

from alembic import context

from digestd.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
