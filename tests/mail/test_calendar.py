"""Calendars of sessions keep the rules of RFC 5545 for lines, texts and times."""

import re
from datetime import UTC, datetime, timedelta

from digestd.mail.calendar import Event, calendar

START = datetime.fromisoformat("2027-04-24T09:00:00+02:00")
MADE = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def event(title: str, **more: str) -> Event:
    return Event("urn:uuid:1", title, START, START + timedelta(minutes=30), **{"room": "Hall 3", **more})


def unfolded(body: bytes) -> dict[str, str]:
    """Return the last value of each property, read as section 3.1 says: unfold first, then decode."""
    lines = body.replace(b"\r\n ", b"").decode().split("\r\n")
    return dict(line.split(":", 1) for line in lines if line)


def test_calendar_folds_at_75_octets_between_signs() -> None:
    title = "湖の氷についての論文 🧊 " * 20
    body = calendar("ICLR 2027", [event(title)], MADE)
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert body.endswith(b"END:VCALENDAR\r\n")
    for line in body.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # no sign is split
    assert unfolded(body)["SUMMARY"] == title.strip()


def test_calendar_escapes_texts() -> None:
    body = calendar("A, B; C", [event("a\\b; c, d", room="Hall\r\nEND:VEVENT", text="one\ntwo")], MADE)
    said = unfolded(body)
    assert said["SUMMARY"] == r"a\\b\; c\, d"
    assert said["X-WR-CALNAME"] == r"A\, B\; C"
    assert re.sub(r"\\n| ", "", said["LOCATION"]) == "HallEND:VEVENT"
    assert body.count(b"\r\nEND:VEVENT\r\n") == 1


def test_calendar_gives_times_in_utc_and_order() -> None:
    later = event("B")._replace(uid="2", start=START + timedelta(days=1), end=START + timedelta(days=1, hours=1))
    body = calendar("ICLR 2027", [later, event("A", url="javascript:alert(1)")], MADE).decode()
    assert body.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:")
    assert body.index("SUMMARY:A") < body.index("SUMMARY:B")
    assert "DTSTAMP:20261124T070000Z\r\nDTSTART:20270424T070000Z\r\nDTEND:20270424T073000Z\r\n" in body
    assert "javascript" not in body


def test_calendar_shows_the_url_in_the_description_too() -> None:
    url = "https://openreview.net/forum?id=a1;b"
    said = unfolded(calendar("ICLR 2027", [event("A", text="Matches “lakes”", url=url)], MADE))
    assert (said["URL"], said["DESCRIPTION"]) == (url, f"Matches “lakes”\\n{url}".replace(";", "\\;"))
