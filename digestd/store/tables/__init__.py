"""The rows. Nothing outside the store sees them; domain values go in and out."""

from digestd.store.tables.alerts import AlertStateRow
from digestd.store.tables.api import ApiTokenRow
from digestd.store.tables.bounces import BounceRow, InboundCountRow, LiftedSuppressionRow
from digestd.store.tables.ledger import AttemptRow, DeliveryRow, DueAuditRow, ReplyRow, SeenPapersRow, SuppressionRow
from digestd.store.tables.libraries import LibraryEntryRow, LibraryRow
from digestd.store.tables.papers import (
    CoverageRow,
    DoNotMergeRow,
    EmbeddingRow,
    EncodingRow,
    FetchRow,
    HostRow,
    MergeRow,
    PaperAliasRow,
    PaperRow,
    RejectedRecordRow,
    RevisionRow,
    SightingRow,
    SignalRow,
    SimilarityKeyRow,
    SourceRow,
    TemplateSetRow,
    TextModelRow,
)
from digestd.store.tables.references import ReferenceRow
from digestd.store.tables.subscribers import (
    AddressChangeRow,
    CalibrationRow,
    ConsentEventRow,
    ConsentWordingRow,
    FeedbackRow,
    InterestRow,
    ProfileRow,
    SavedListLinkRow,
    SubscriberRow,
)
from digestd.store.tables.throttle import ThrottleRow
from digestd.store.tables.trials import TrialRow
from digestd.store.tables.webhooks import WebhookPostRow, WebhookRow

__all__ = [
    "AddressChangeRow",
    "AlertStateRow",
    "ApiTokenRow",
    "AttemptRow",
    "BounceRow",
    "CalibrationRow",
    "ConsentEventRow",
    "ConsentWordingRow",
    "CoverageRow",
    "DeliveryRow",
    "DoNotMergeRow",
    "DueAuditRow",
    "EmbeddingRow",
    "EncodingRow",
    "FeedbackRow",
    "FetchRow",
    "HostRow",
    "InboundCountRow",
    "InterestRow",
    "LibraryEntryRow",
    "LibraryRow",
    "LiftedSuppressionRow",
    "MergeRow",
    "PaperAliasRow",
    "PaperRow",
    "ProfileRow",
    "ReferenceRow",
    "RejectedRecordRow",
    "ReplyRow",
    "RevisionRow",
    "SavedListLinkRow",
    "SeenPapersRow",
    "SightingRow",
    "SignalRow",
    "SimilarityKeyRow",
    "SourceRow",
    "SubscriberRow",
    "SuppressionRow",
    "TemplateSetRow",
    "TextModelRow",
    "ThrottleRow",
    "TrialRow",
    "WebhookPostRow",
    "WebhookRow",
]
