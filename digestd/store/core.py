"""The tables for SQLAlchemy Core.

Rows are read as tuples, without a unit of work or change tracking.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Executable, Row, Select, String, Table, column, table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from digestd.store import tables

Record = Row[*tuple[Any, ...]]
"""A row of a result; its columns are attributes."""
Query = Select[*tuple[Any, ...]]

Condition = ColumnElement[Any]
"""A part of a statement."""


def upsert(session: Session, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that takes ON CONFLICT, for the engine in use."""
    is_sqlite = session.connection().dialect.name == "sqlite"
    return sqlite.insert(table) if is_sqlite else postgresql.insert(table)


def execute_many(session: Session, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute a statement for each row of parameters; do nothing without any."""
    if rows:
        session.connection().execute(statement, rows)


def _table(row: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(row.__tablename__)]


paper = _table(tables.PaperRow)
paper_alias = _table(tables.PaperAliasRow)
revision = _table(tables.RevisionRow)
sighting = _table(tables.SightingRow)
signal = _table(tables.SignalRow)
fetch = _table(tables.FetchRow)
host = _table(tables.HostRow)
source = _table(tables.SourceRow)
rejected_record = _table(tables.RejectedRecordRow)
coverage = _table(tables.CoverageRow)
similarity_key = _table(tables.SimilarityKeyRow)
merge = _table(tables.MergeRow)
do_not_merge = _table(tables.DoNotMergeRow)
gist_attempt = _table(tables.GistAttemptRow)
embedding = _table(tables.EmbeddingRow)
encoding = _table(tables.EncodingRow)
text_model = _table(tables.TextModelRow)
subscriber = _table(tables.SubscriberRow)
interest = _table(tables.InterestRow)
profile = _table(tables.ProfileRow)
feedback = _table(tables.FeedbackRow)
subscriber_group = _table(tables.GroupRow)
group_interest = _table(tables.GroupInterestRow)
group_member = _table(tables.GroupMemberRow)
muting = _table(tables.MutingRow)
saved_list_link = _table(tables.SavedListLinkRow)
api_token = _table(tables.ApiTokenRow)
webhook = _table(tables.WebhookRow)
webhook_post = _table(tables.WebhookPostRow)
library = _table(tables.LibraryRow)
library_entry = _table(tables.LibraryEntryRow)
chat_target = _table(tables.ChatTargetRow)
reference = _table(tables.ReferenceRow)
paper_lookup = _table(tables.PaperLookupRow)
calibration = _table(tables.CalibrationRow)
trial = _table(tables.TrialRow)
consent_event = _table(tables.ConsentEventRow)
consent_wording = _table(tables.ConsentWordingRow)
address_change = _table(tables.AddressChangeRow)
caused_mail = _table(tables.CausedMailRow)
pending_request = _table(tables.PendingRequestRow)
suppression = _table(tables.SuppressionRow)
lifted_suppression = _table(tables.LiftedSuppressionRow)
bounce = _table(tables.BounceRow)
inbound_count = _table(tables.InboundCountRow)
due_audit = _table(tables.DueAuditRow)
delivery = _table(tables.DeliveryRow)
earlier_attempt = _table(tables.EarlierAttemptRow)
attempt = table("attempt", column("phase", String), *(column(kept.name, kept.type) for kept in earlier_attempt.c))
"""Every attempt, to read: the last one of each delivery, which its own row holds, and the earlier ones."""
seen_papers = _table(tables.SeenPapersRow)
returning_papers = _table(tables.ReturningPapersRow)
reply = _table(tables.ReplyRow)
throttle = _table(tables.ThrottleRow)
alert_state = _table(tables.AlertStateRow)
sent_journal = _table(tables.SentJournalRow)

TABLES = frozenset(SQLModel.metadata.tables)
"""The names of all tables."""
