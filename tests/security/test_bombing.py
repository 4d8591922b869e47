"""Test that posts cause at most one unrequested mail a day to anybody.

Counted at the mail server.
"""

import asyncio
from collections import Counter
from datetime import timedelta

from digestd.app import App
from digestd.jobs.worker import run
from digestd.security.tokens import Purpose, issue_second
from digestd.web import build
from tests.conftest import database_url
from tests.security.routes import filled, posted, posting
from tests.support.relay import Relay
from tests.support.tiers import sized
from tests.web.conftest import PATHS, Backend, Clock, stamp_for

__all__ = ["database_url"]

MALLORY = "mallory@example.org"
VICTIMS = [f"victim{n}@lab{n}.example.net" for n in range(100)]
POSTS, POSTS_ON_POSTGRESQL = sized(3_000, 10_000), sized(1_000, 10_000)
"""What differs there is how two at once are kept apart."""
SECONDS = 1
"""Between two posts: slow enough for the limit on everyone together, all within a day."""
AT_ONCE = 4
WORKER_EVERY = 500
"""Posts between two looks of the worker."""


async def test_no_address_gets_two_mails_a_day(mailing: App, relay: Relay, backend: Backend, clock: Clock) -> None:
    backend.join(MALLORY)
    web, paths = build(mailing), [_reached(backend, path) for path in posting(mailing)]
    assert {"/subscribe", "/resend", "/settings"} <= set(paths)
    posts = POSTS if mailing.db.is_sqlite else POSTS_ON_POSTGRESQL
    victims = VICTIMS[: posts // len(paths)]
    answers: Counter[int] = Counter()
    for batch in range(0, posts, AT_ONCE):
        sent = [
            posted(web, paths[n % len(paths)], _form(backend, victims[n // len(paths) % len(victims)], n), _anywhere(n))
            for n in range(batch, batch + AT_ONCE)
        ]
        answers.update(await asyncio.gather(*sent))
        clock.advance(seconds=SECONDS * AT_ONCE)
        if batch % WORKER_EVERY == 0:
            await run(mailing)
    await run(mailing)
    mails = Counter(mail.recipient for mail in relay.taken)
    assert answers[200] > posts // 10, answers
    assert answers.keys().isdisjoint({500, 503}), answers
    assert mails.keys() - {MALLORY} == set(victims), "the attack did reach the part that mails"
    assert [victim for victim in victims if mails[victim] > 1] == []
    assert mails[MALLORY] <= 1, "and not even who attacks is mailed at will"


def _form(backend: Backend, address: str, n: int) -> dict[str, str]:
    stamp = stamp_for(backend.app, _anywhere(n), backend.clock() - timedelta(minutes=1))
    spam = "cheap pills https://evil.example"
    return {"email": address, "address": address, "to": address, "topics": spam, "stamp": stamp}


def _reached(backend: Backend, path: str) -> str:
    """Return the path with a token of Mallory, as an attacker may be a subscriber."""
    key, now = backend.subscriber(MALLORY).key, issue_second(backend.clock())
    purpose = next((purpose for purpose, start in PATHS.items() if path.startswith(f"/{start}/")), None)
    if purpose is None:
        return filled(path)
    versions = dict.fromkeys((Purpose.ADDRESS_CHANGE_OLD, Purpose.ADDRESS_CHANGE_NEW), now) | {Purpose.FEEDBACK: 1}
    version = versions.get(purpose, 0)
    return filled(path, backend.link(purpose, key, version).split("/")[2])


def _anywhere(n: int) -> str:
    """Return another network each time."""
    return f"10.{n // 65_536}.{n // 256 % 256}.{n % 256}"
