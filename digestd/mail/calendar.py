"""Write the sessions of papers as a calendar (iCalendar, RFC 5545)."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from digestd.text.sanitise import clean, safe_url

MEDIA_TYPE, ENDING = "text/calendar; charset=utf-8", "ics"
_PART = re.compile(rb".{1,74}(?![\x80-\xbf])")
"""Part of a line: with the space before it at most 75 bytes (section 3.1), and no sign is split."""
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
"""Signs that a text value must not have as they are (section 3.3.11)."""


class Event(NamedTuple):
    """A session of a paper. `uid`: unique, and the same in every file."""

    uid: str
    title: str
    start: datetime
    end: datetime
    room: str
    text: str = ""
    url: str = ""


def calendar(name: str, events: Sequence[Event], made: datetime) -> bytes:
    """Return a calendar of these events. `made`: when their list was made."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//digestd//programme//EN", f"X-WR-CALNAME:{_text(name)}"]
    for event in sorted(events, key=lambda one: (one.start, one.title)):
        lines += _event(event, made)
    return b"".join(b"\r\n ".join(_PART.findall(line.encode())) + b"\r\n" for line in [*lines, "END:VCALENDAR"])


def _event(event: Event, made: datetime) -> Iterator[str]:
    yield from ("BEGIN:VEVENT", f"UID:{_text(event.uid)}", f"DTSTAMP:{_time(made)}")
    yield from (f"DTSTART:{_time(event.start)}", f"DTEND:{_time(event.end)}", f"SUMMARY:{_text(event.title)}")
    url = safe_url(event.url)
    described = "\\n".join(filter(None, (_text(event.text), _text(url))))  # many programs show no URL of an event
    texts = {"LOCATION": _text(event.room), "DESCRIPTION": described, "URL": url}
    yield from (f"{name}:{value}" for name, value in texts.items() if value)
    yield "END:VEVENT"


def _text(text: str) -> str:
    return clean(text).translate(_ESCAPES)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
