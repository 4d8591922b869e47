"""The tables as SQLModel classes; importing this package declares all of them.

Nothing outside the store sees them; domain values go in and out.
"""

from sqlmodel import SQLModel

from digestd.store.tables import ledger, operations, papers, subscribers  # noqa: F401  # each declares its tables

METADATA = SQLModel.metadata
