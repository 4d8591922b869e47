"""The rows. Nothing outside the store sees them; domain values go in and out."""

from digestd.store.tables.bounces import BounceRow, InboundRow, LiftingRow
from digestd.store.tables.ledger import AttemptRow, DeliveryRow, DueAuditRow, SeenRow, SuppressionRow
from digestd.store.tables.papers import (
    AliasRow,
    ApartRow,
    CoverageRow,
    EmbeddingRow,
    EncodingRow,
    FetchRow,
    LikenessRow,
    MergingRow,
    PaceRow,
    PaperRow,
    RejectRow,
    RevisionRow,
    SightingRow,
    SignalRow,
    SourceRow,
    TemplatesRow,
    TextModelRow,
)
from digestd.store.tables.subscribers import (
    CalibrationRow,
    ConsentEventRow,
    FeedbackRow,
    InterestRow,
    ProfileRow,
    SubscriberRow,
)
from digestd.store.tables.throttle import ThrottleRow
from digestd.store.tables.trials import TrialRow

__all__ = [
    "AliasRow",
    "ApartRow",
    "AttemptRow",
    "BounceRow",
    "CalibrationRow",
    "ConsentEventRow",
    "CoverageRow",
    "DeliveryRow",
    "DueAuditRow",
    "EmbeddingRow",
    "EncodingRow",
    "FeedbackRow",
    "FetchRow",
    "InboundRow",
    "InterestRow",
    "LiftingRow",
    "LikenessRow",
    "MergingRow",
    "PaceRow",
    "PaperRow",
    "ProfileRow",
    "RejectRow",
    "RevisionRow",
    "SeenRow",
    "SightingRow",
    "SignalRow",
    "SourceRow",
    "SubscriberRow",
    "SuppressionRow",
    "TemplatesRow",
    "TextModelRow",
    "ThrottleRow",
    "TrialRow",
]
