"""The rows. Nothing outside the store sees them; domain values go in and out."""

from digestd.store.tables.ledger import AttemptRow, DeliveryRow, DueAuditRow, SeenRow, SuppressionRow
from digestd.store.tables.papers import (
    AliasRow,
    FetchRow,
    PaceRow,
    PaperRow,
    RevisionRow,
    SightingRow,
    SignalRow,
    TemplatesRow,
    TextModelRow,
)
from digestd.store.tables.subscribers import ConsentEventRow, InterestRow, SubscriberRow

__all__ = [
    "AliasRow",
    "AttemptRow",
    "ConsentEventRow",
    "DeliveryRow",
    "DueAuditRow",
    "FetchRow",
    "InterestRow",
    "PaceRow",
    "PaperRow",
    "RevisionRow",
    "SeenRow",
    "SightingRow",
    "SignalRow",
    "SubscriberRow",
    "SuppressionRow",
    "TemplatesRow",
    "TextModelRow",
]
