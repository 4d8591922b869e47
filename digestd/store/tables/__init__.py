"""The tables; importing this package declares all of them.

Nothing outside the store sees them; domain values go in and out.
"""

from digestd.store.tables import ledger, operations, papers, subscribers
from digestd.store.tables.columns import METADATA

__all__ = ["METADATA", "ledger", "operations", "papers", "subscribers"]
