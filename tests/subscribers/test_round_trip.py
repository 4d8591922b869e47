"""Check that import reads back exactly what export wrote."""

import io
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestd.domain.subscriber import WEEKDAYS, Cadence
from digestd.errors import BadRecord
from digestd.security.keys import Keys
from digestd.store import core
from digestd.store.database import Database
from digestd.subscribers.files import FileFormat, FileLine, format_records, read_lines
from digestd.subscribers.importing import export_subscribers, import_subscribers
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.subscriber_record import BOOLEANS, parse, subscriber_fields


@pytest.fixture
def post(keys: Keys) -> NoticeContext:
    return NoticeContext(keys, "example.org")


_lines = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40).map(lambda t: " ".join(t.split()))
_wishes = st.lists(_lines.filter(bool), max_size=4)
_records = st.fixed_dictionaries(
    {"email": st.from_regex(r"[a-z0-9]{1,9}(\+[a-z]{1,3})?@[a-z]{1,9}\.(org|de)", fullmatch=True)},
    optional={
        "name": _lines,
        "topics": _wishes,
        "phrases": _wishes,
        "authors": _wishes,
        "mute": st.fixed_dictionaries({}, optional={"topics": _wishes, "phrases": _wishes, "categories": _wishes}),
        "likes": st.lists(st.sampled_from(["2401.00001", "10.1000/x;y", "openreview:aB", "openreview:Ab"]), max_size=3),
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
        "hour": st.integers(0, 23),
        "cadence": st.sampled_from([c.value for c in Cadence]),
        "weekday": st.sampled_from(WEEKDAYS),
        "size": st.integers(1, 50),
        "min_score": st.sampled_from(["low", "normal", "high"]),
        **{name: st.booleans() for name in BOOLEANS},
        "status": st.sampled_from(["active", "paused", "unsubscribed", "suppressed"]),
    },
)


@pytest.mark.parametrize("form", list(FileFormat))
@given(fields=_records)
@settings(max_examples=300)
def test_export_line_reads_back_the_same(form: FileFormat, fields: dict[str, object]) -> None:
    try:
        whole = subscriber_fields(parse(fields).as_new)
    except BadRecord:
        return
    text = "".join(format_records([whole], form))
    [line] = read_lines(io.BytesIO(text.encode()), form)
    assert not isinstance(line.fields, BadRecord)
    assert parse(line.fields).as_new == parse(whole).as_new
    assert subscriber_fields(parse(line.fields).as_new) == whole


@given(records=st.lists(_records, max_size=12, unique_by=lambda r: r["email"]), form=st.sampled_from(list(FileFormat)))
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_export_then_import_is_identity(
    db: Database, post: NoticeContext, now: datetime, records: list[dict[str, object]], form: FileFormat
) -> None:
    wipe(db)
    import_subscribers(db, post, (FileLine(n, said) for n, said in enumerate(records, 1)), now)
    before = list(export_subscribers(db))
    text = "".join(format_records(before, form))
    wipe(db)
    if before:
        report = import_subscribers(db, post, read_lines(io.BytesIO(text.encode()), form), now)
        assert (report.added, len(report.refused)) == (len(before), 0)
    assert list(export_subscribers(db)) == before


def wipe(db: Database) -> None:
    """Delete everything about subscribers."""
    with db.write() as session:
        for trigger in ("consent_event_kept", "consent_event_whole") if not db.is_sqlite else ("consent_event_kept",):
            on = "" if db.is_sqlite else " ON consent_event"
            session.connection().exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}{on}")
        for rows in (
            core.delivery,
            core.paper_lookup,
            core.interest,
            core.consent_event,
            core.suppression,
            core.subscriber,
        ):
            session.connection().execute(rows.delete())
