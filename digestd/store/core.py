"""The tables once more, for statements in bulk: rows as mappings, no unit of work, no tracking."""

from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table
from sqlmodel import SQLModel

import digestd.store.tables  # noqa: F401  # importing fills the metadata

Record = Row[*tuple[Any, ...]]
"""One row of a result, its columns by name."""
Query = Select[*tuple[Any, ...]]

Condition = ColumnElement[Any]
"""A part of a statement."""


def _table(name: str) -> Table:
    return SQLModel.metadata.tables[name]


paper = _table("paper")
paper_alias = _table("paper_alias")
revision = _table("revision")
sighting = _table("sighting")
signal = _table("signal")
fetch = _table("fetch")
host = _table("pace")
source = _table("source")
rejected_record = _table("reject")
coverage = _table("coverage")
similarity_key = _table("likeness")
merge = _table("merging")
do_not_merge = _table("apart")
embedding = _table("embedding")
encoding = _table("encoding")
text_model = _table("text_model")
template_set = _table("templates")
subscriber = _table("subscriber")
interest = _table("interest")
profile = _table("profile")
feedback = _table("feedback")
muting = _table("muting")
saved_list_link = _table("saved_edition")
api_token = _table("api_token")
webhook = _table("hook")
webhook_post = _table("hook_post")
library = _table("library")
library_entry = _table("library_entry")
reference = _table("reference")
calibration = _table("calibration")
trial = _table("trial")
consent_event = _table("consent_event")
consent_wording = _table("wording")
address_change = _table("moving")
caused_mail = _table("caused_mail")
pending_request = _table("pending_request")
suppression = _table("suppression")
lifted_suppression = _table("lifting")
bounce = _table("bounce")
inbound_count = _table("inbound")
due_audit = _table("due_audit")
delivery = _table("delivery")
attempt = _table("attempt")
seen_papers = _table("seen")
reply = _table("reply")
throttle = _table("throttle")
alert_state = _table("told")
