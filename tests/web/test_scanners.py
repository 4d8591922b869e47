"""Test that mail scanners, link previews and forwards change nothing."""

import hashlib
import re
from collections import Counter
from email import message_from_bytes, policy
from http.client import HTTPConnection
from itertools import cycle
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from digestd.app import App
from digestd.delivery.composer import Composer
from digestd.domain.delivery import RETIRED_KINDS, MailKind
from digestd.store import core
from digestd.store.ledger import queries
from digestd.subscribers.address_change import request_address_change
from digestd.subscribers.admin_edits import add
from digestd.subscribers.confirmed_actions import request_erasure, request_renewal
from digestd.subscribers.settings_link import request_link
from digestd.subscribers.subscriber_record import parse
from tests.support.tiers import IS_LONG, sized
from tests.web.conftest import HOME, PAPER, Backend
from tests.web.test_browser import served

MAILS = sized(30, 1_000)
"""In a long run each address of these mails is looked at in each way; else in one, in turn."""
PREFETCH = {"Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender", "X-Moz": "prefetch"}
OUTLOOK = {"User-Agent": "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"}
WAYS: tuple[tuple[str, dict[str, str]], ...] = (("GET", {}), ("HEAD", OUTLOOK), ("OPTIONS", {}), ("GET", PREFETCH))


@pytest.fixture
def mails(app: App, backend: Backend) -> list[bytes]:
    """Return many digests and one notice of each kind, as sent."""
    backend.import_papers(*({**PAPER, "id": f"2401.{n:05}", "title": f"Sorting {n}"} for n in range(5)))
    for n in range(MAILS):
        backend.join(f"reader{n}@example.org", hour=0, size=2)
    add(app.db, app.notices, parse({"email": "bob@example.org", "status": "pending"}), backend.clock())
    backend.plan()
    request_link(app.db, app.notices, "reader0@example.org", backend.clock())
    request_address_change(
        app.db, app.notices, backend.subscriber("reader1@example.org").key, "new@example.org", backend.clock()
    )
    request_erasure(app.db, app.notices, backend.subscriber("reader2@example.org").key, backend.clock())
    request_renewal(app.db, app.notices, backend.subscriber("reader3@example.org").key, backend.clock())
    with app.db.read() as session:
        keys = list(session.connection().execute(select(core.delivery.c.id).order_by(core.delivery.c.id)).scalars())
        claims = [claim for key in keys if (claim := queries.as_claim(session, key)) is not None]
    assert {claim.kind for claim in claims} == set(MailKind) - {
        MailKind.REPLY,
        MailKind.COPY,
        MailKind.PROGRAMME,
        *RETIRED_KINDS,
    }  # without links of their own
    composer = Composer(app.db, app.sender, app.templates)
    composer.prepare(claims)
    return [composer.compose(claim).message for claim in claims]


def urls(message: bytes) -> set[str]:
    """Return every URL of ours in the headers, text and HTML of a mail."""
    parsed = message_from_bytes(message, policy=policy.default)
    parts = [part.get_content() for part in parsed.walk() if not part.is_multipart()]
    words = " ".join([*map(str, parsed.values()), *parts])
    return {found.replace("&amp;", "&") for found in re.findall(rf"{HOME}/[^\s\"'<>]*", words)}


def state(backend: Backend) -> str:
    """Return a hash of the whole database."""
    return hashlib.sha256(repr(backend.contents()).encode()).hexdigest()


def test_get_of_every_mailed_url_changes_nothing(app: App, backend: Backend, mails: list[bytes]) -> None:
    found = sorted(set().union(*map(urls, mails)))
    assert {url.removeprefix(HOME).split("/")[1] for url in found} >= {
        "",
        "u",
        "p",
        "d",
        "f",
        "confirm",
        "move",
        "erase",
        "renew",
    }
    assert len(found) > 6 * MAILS
    before = state(backend)
    answers: Counter[int] = Counter()
    with served(app) as address:
        connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
        in_turn = cycle(WAYS)
        for url in found:
            for method, headers in WAYS if IS_LONG else [next(in_turn)]:
                connection.request(method, url.removeprefix(HOME), headers=headers)
                with connection.getresponse() as answer:
                    answer.read()
                answers[answer.status] += 1
                assert answer.headers["set-cookie"] is None
        connection.close()
    assert answers.keys() == {200, 405}, "each page is there, and none takes OPTIONS"
    assert state(backend) == before
