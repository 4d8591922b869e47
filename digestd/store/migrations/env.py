"""Run Alembic on the connection it is handed, in one transaction on both engines."""

from alembic import context
from sqlmodel import SQLModel

import digestd.store.tables  # noqa: F401  # importing fills the metadata that Alembic compares with

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
