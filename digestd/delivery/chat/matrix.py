"""Matrix rooms, by the client-server API v1.11.

https://spec.matrix.org/v1.11/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid: each message has a
transaction id, and the server sends none twice for the same id and access token. An event has at most 65,536 bytes.
"""

import hashlib
import json
import re
from html import escape
from urllib.parse import quote

from digestd.delivery.chat.chat_message import (
    ChatDigest,
    ChatEntry,
    ChatForm,
    ChatLink,
    ChatRequest,
    ChatTarget,
    fit,
    pack,
    utf8_size,
)

BODIES_MAX = 30_000
"""Bytes of both bodies as JSON. The event's other fields, and escapes in its canonical JSON, add less than the rest."""
_ROOM = re.compile(r"/(![^/\s]{1,255})")


def problem(target: ChatTarget) -> str | None:
    """Return what is wrong with a target, or None."""
    if not target.user or target.password:
        return (
            "the access token stands before the host, as in matrix+https://TOKEN@matrix.example.org/!room:example.org"
        )
    if not _ROOM.fullmatch(target.path):
        return "the path is a room's internal id, as in /!room:example.org"
    return None


def write(digest: ChatDigest, _target: ChatTarget) -> tuple[str, ...]:
    """Return the digest as events with a plain and an HTML body."""
    blocks = [_json((_plain_link(line), f"<p>{_link(*line)}</p>")) for line in digest.head]
    blocks += [fit(one, BODIES_MAX, utf8_size, _entry) for one in digest.entries]
    return tuple(_event(message) for message in pack(blocks, BODIES_MAX, utf8_size))


def request(target: ChatTarget, body: str, key: str) -> ChatRequest:
    """Return the request that sends an event, with a transaction id made of the key."""
    transaction = hashlib.sha256(key.encode()).hexdigest()[:32]
    path = f"/_matrix/client/v3/rooms/{quote(target.path[1:], safe='')}/send/m.room.message/{transaction}"
    return ChatRequest("PUT", f"{target.origin}{path}", body.encode(), target.user)


def _event(blocks: list[str]) -> str:
    plain, html = zip(*map(json.loads, blocks), strict=True)
    bodies = {"body": "\n\n".join(plain), "format": "org.matrix.custom.html", "formatted_body": "".join(html)}
    return _json({"msgtype": "m.notice", **bodies})


def _entry(entry: ChatEntry) -> str:
    """Return the plain and the HTML text of a paper, as a JSON array."""
    plain = "\n".join(line for line in (entry.title, entry.url, entry.summary, entry.why) if line)
    lines = (_link(entry.title, entry.url), escape(entry.summary), f"<em>{escape(entry.why)}</em>" if entry.why else "")
    return _json((plain, f"<p>{'<br>'.join(line for line in lines if line)}</p>"))


def _plain_link(line: ChatLink) -> str:
    return "\n".join(filter(None, line))


def _link(text: str, url: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>' if url else escape(text)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


MATRIX = ChatForm(
    "matrix+https://TOKEN@matrix.example.org/!room:example.org", problem, write, request, is_idempotent=True
)
