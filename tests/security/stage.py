"""An installation with given strings in every outside field.

Also all of its output.

The strings are written to the database directly: imports and forms clean them too, but output must not rely on that.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

from sqlalchemy import bindparam, select, update
from starlette.testclient import TestClient

from digestd.domain.digest import DigestSlot, Period, Pick, Reason, ReasonKind, Section
from digestd.domain.interest import Interest, Kind, Stance, Verdict
from digestd.domain.subscriber import Cause, Preferences, Status, Subscriber
from digestd.security.addresses import address_key
from digestd.security.tokens import Purpose
from digestd.store import core, feedback, ledger, subscribers
from digestd.store.ledger.create import NewDigest
from digestd.store.timestamps import to_us
from tests.support.install import Install, install
from tests.support.relay import ReceivedMail, Relay
from tests.web.conftest import HOME, Backend, Clock, browsing

PER_DIGEST, PER_DAY = 50, 20
EACH_PICK = 7
"""Of so many picks the pages of one are looked at."""
PERIOD = "2026-11-24"
_KINDS = (Kind.TOPIC, Kind.PHRASE, Kind.AUTHOR, Kind.CATEGORY)


@dataclass(frozen=True)
class Stage:
    """The installation, its pages, and the strings in it, in the order of the papers."""

    made: Install
    backend: Backend
    client: TestClient
    words: Sequence[str]

    @property
    def readers(self) -> list[int]:
        return [n + 1 for n in range(-(-len(self.words) // PER_DIGEST))]

    def part(self, reader: int) -> Sequence[str]:
        """Return the strings of one subscriber."""
        return self.words[(reader - 1) * PER_DIGEST : reader * PER_DIGEST]

    def pages(self) -> Iterator[tuple[str, str]]:
        """Yield name and HTML of every page that shows text from outside."""
        for name, path in self._paths():
            answer = self.client.get(path)
            assert answer.status_code == 200, path
            yield name, answer.text

    def _paths(self) -> Iterator[tuple[str, str]]:
        yield "front", "/"
        for day in range(-(-len(self.words) // PER_DAY)):
            yield "day", f"/papers/{_day(day):%Y-%m-%d}"
        for n in range(0, len(self.words), EACH_PICK):
            yield "paper", f"/paper/test:{n}"
        for n in self.readers:
            link = self.backend.link
            yield "digest", link(Purpose.VIEW, n)
            yield "saved", link(Purpose.SAVED, n)
            settings = self.backend.settings(f"reader{n}@example.org")
            yield "preferences", settings
            yield "own saved", f"{settings}/saved"
            for pick in range(1, len(self.part(n)) + 1, EACH_PICK):
                yield "pick", link(Purpose.FEEDBACK, n, pick)
                yield "mute", f"{settings}/mute/{PERIOD}/{pick}"

    def mails(self) -> list[ReceivedMail]:
        """Yield all digests as a relay gets them."""

        async def deliver() -> list[ReceivedMail]:
            async with Relay().serving() as relay:
                report = await self.made.to(relay.url, public_url=HOME).deliver()
                assert report.accepted == len(self.readers), report
                return relay.taken

        return asyncio.run(deliver())


@contextmanager
def stage(folder: Path, url: str, now: datetime, words: Sequence[str]) -> Iterator[Stage]:
    """Return a stage with these strings."""
    made = install(folder, url, now)
    settings = made.app.settings.model_copy(update={"public_url": HOME, "list_name": "Papers Daily"})
    made.app = replace(made.app, settings=settings)
    clock = Clock(now)
    made = replace(made, app=replace(made.app, clock=clock))
    _papers(made, words)
    _readers(made, words, now)
    with browsing(made.app) as client:
        yield Stage(made, Backend(made.app, clock), client, words)
    made.db.close()


def _day(number: int) -> datetime:
    return datetime(2026, 11, 24, tzinfo=UTC) - timedelta(days=number)


def _papers(made: Install, words: Sequence[str]) -> None:
    """Return one paper per string, which fills all of its fields; twenty a day."""
    made.papers({"id": f"test:{n}", "title": f"Paper {n}", "signals": {"upvotes": 9}} for n in range(len(words)))
    said = [
        {
            "row": n + 1,
            "title": text,
            "plain_title": text,
            "abstract": text,
            "plain_abstract": f"{text} " * (1 + n % 2 * 9),
            "authors": [text] * (1 + n % 30),
            "categories": [text],
            "url": None if n % 7 == 0 else f"https://example.org/{n}" if n % 2 else text,
            "links": {kind: text if n % 3 else f"https://example.org/{text}" for kind in ("code", "pdf", "discussion")},
        }
        for n, text in enumerate(words)
    ]
    seen = [{"row": n + 1, "first": to_us(_day(n // PER_DAY))} for n in range(len(words))]
    revision, paper = core.revision, core.paper
    with made.db.write() as session:
        run = session.connection().execute
        run(update(revision).where(revision.c.paper == bindparam("row")).values(_placed(said[0])), said)
        run(update(paper).where(paper.c.id == bindparam("row")).values(first_seen_us=bindparam("first")), seen)
        assert len(run(select(revision.c.id)).all()) == len(words)


def _placed(row: Mapping[str, object]) -> dict[str, object]:
    return {name: bindparam(name) for name in row if name != "row"}


def _readers(made: Install, words: Sequence[str], now: datetime) -> None:
    """Add a subscriber for every fifty strings. With interests, mutes, a digest and saved papers."""
    parts = [words[start : start + PER_DIGEST] for start in range(0, len(words), PER_DIGEST)]
    readers = [_reader(n, part) for n, part in enumerate(parts, 1)]
    new = {address_key(made.app.keys, str(one.address)): one for one in readers}
    with made.db.write() as session:
        assert subscribers.insert_many(session, new, Cause.IMPORT, now)
        digests = [_digest(n, part, now) for n, part in enumerate(parts, 1)]
        ledger.plan_digests(session, digests, now)
        for n, part in enumerate(parts, 1):
            for paper in range((n - 1) * PER_DIGEST + 1, (n - 1) * PER_DIGEST + len(part) + 1):
                feedback.add(session, n, paper, Verdict.SAVED, now)


def _reader(number: int, words: Sequence[str]) -> Subscriber:
    address = f"reader{number}@example.org"
    interests = [Interest(kind, text, Stance.LIKED) for kind in _KINDS for text in words[::2]]
    interests += [Interest(kind, text, Stance.MUTED) for kind in _KINDS for text in words[1::2]]
    preferences = Preferences(name=words[0][:200], size=PER_DIGEST, language=("en", "de")[number % 2])
    return Subscriber(0, address, Status.ACTIVE, 1, preferences, tuple(interests))


def _digest(number: int, words: Sequence[str], now: datetime) -> NewDigest:
    first = (number - 1) * PER_DIGEST + 1
    picks = [
        Pick(first + n, first + n, 1.0, section, Reason(why, text, (text, text)))
        for n, (text, why, section) in enumerate(zip(words, cycle(ReasonKind), cycle(Section)))
    ]
    period = Period(PERIOD, now.date(), now)
    slot = DigestSlot(
        period, PERIOD, now + timedelta(hours=18), now + timedelta(days=1), PERIOD, now + timedelta(hours=9)
    )
    return NewDigest(number, 1, slot, tuple(picks), len(words), f"<digest.{number}@example.org>")
