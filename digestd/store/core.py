"""The tables for SQLAlchemy Core.

Rows are read as tuples, without a unit of work or change tracking.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Executable, Row, Select, String, Table, column, table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from digestd.store.tables import METADATA

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


_TABLES = METADATA.tables
paper = _TABLES["paper"]
paper_alias = _TABLES["paper_alias"]
revision = _TABLES["revision"]
sighting = _TABLES["sighting"]
signal = _TABLES["signal"]
fetch = _TABLES["fetch"]
host = _TABLES["host"]
source = _TABLES["source"]
rejected_record = _TABLES["rejected_record"]
coverage = _TABLES["coverage"]
similarity_key = _TABLES["similarity_key"]
merge = _TABLES["merge"]
do_not_merge = _TABLES["do_not_merge"]
gist_attempt = _TABLES["gist_attempt"]
judgment = _TABLES["judgment"]
judge_request = _TABLES["judge_request"]
embedding = _TABLES["embedding"]
encoding = _TABLES["encoding"]
text_model = _TABLES["text_model"]
subscriber = _TABLES["subscriber"]
interest = _TABLES["interest"]
profile = _TABLES["profile"]
feedback = _TABLES["feedback"]
subscriber_group = _TABLES["subscriber_group"]
group_interest = _TABLES["group_interest"]
group_member = _TABLES["group_member"]
muting = _TABLES["muting"]
saved_list_link = _TABLES["saved_list_link"]
api_token = _TABLES["api_token"]
webhook = _TABLES["webhook"]
webhook_post = _TABLES["webhook_post"]
library = _TABLES["library"]
library_entry = _TABLES["library_entry"]
chat_target = _TABLES["chat_target"]
reference = _TABLES["reference"]
paper_lookup = _TABLES["paper_lookup"]
calibration = _TABLES["calibration"]
consent_event = _TABLES["consent_event"]
consent_wording = _TABLES["consent_wording"]
address_change = _TABLES["address_change"]
caused_mail = _TABLES["caused_mail"]
pending_request = _TABLES["pending_request"]
suppression = _TABLES["suppression"]
lifted_suppression = _TABLES["lifted_suppression"]
bounce = _TABLES["bounce"]
inbound_count = _TABLES["inbound_count"]
due_audit = _TABLES["due_audit"]
delivery = _TABLES["delivery"]
earlier_attempt = _TABLES["earlier_attempt"]
attempt = table("attempt", column("phase", String), *(column(kept.name, kept.type) for kept in earlier_attempt.c))
"""Every attempt, to read: the last one of each delivery, which its own row holds, and the earlier ones."""
seen_papers = _TABLES["seen_papers"]
returning_papers = _TABLES["returning_papers"]
reply = _TABLES["reply"]
throttle = _TABLES["throttle"]
alert_state = _TABLES["alert_state"]
sent_journal = _TABLES["sent_journal"]

TABLES = frozenset(_TABLES)
"""The names of all tables."""
