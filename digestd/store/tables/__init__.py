"""The rows. Nothing outside the store sees them; domain values go in and out."""

from digestd.store.tables.alerts import ToldRow
from digestd.store.tables.api import ApiTokenRow
from digestd.store.tables.bounces import BounceRow, InboundRow, LiftingRow
from digestd.store.tables.ledger import AttemptRow, DeliveryRow, DueAuditRow, ReplyRow, SeenRow, SuppressionRow
from digestd.store.tables.libraries import LibraryEntryRow, LibraryRow
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
from digestd.store.tables.references import ReferenceRow
from digestd.store.tables.subscribers import (
    CalibrationRow,
    ConsentEventRow,
    FeedbackRow,
    InterestRow,
    MovingRow,
    ProfileRow,
    SavedEditionRow,
    SubscriberRow,
    WordingRow,
)
from digestd.store.tables.throttle import ThrottleRow
from digestd.store.tables.trials import TrialRow
from digestd.store.tables.webhooks import HookPostRow, HookRow

__all__ = [
    "AliasRow",
    "ApartRow",
    "ApiTokenRow",
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
    "HookPostRow",
    "HookRow",
    "InboundRow",
    "InterestRow",
    "LibraryEntryRow",
    "LibraryRow",
    "LiftingRow",
    "LikenessRow",
    "MergingRow",
    "MovingRow",
    "PaceRow",
    "PaperRow",
    "ProfileRow",
    "ReferenceRow",
    "RejectRow",
    "ReplyRow",
    "RevisionRow",
    "SavedEditionRow",
    "SeenRow",
    "SightingRow",
    "SignalRow",
    "SourceRow",
    "SubscriberRow",
    "SuppressionRow",
    "TemplatesRow",
    "TextModelRow",
    "ThrottleRow",
    "ToldRow",
    "TrialRow",
    "WordingRow",
]
