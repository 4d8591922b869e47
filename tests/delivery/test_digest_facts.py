"""What sources tell of a paper reaches the mail, as it was known when the digest was planned."""

from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from digestd.domain.digest import Occasion, Section
from digestd.domain.library import SavingProblem
from digestd.store.ledger import queries
from tests.delivery.test_composer import prepared
from tests.libraries.library_servers import stuck_saving
from tests.support.install import Install, install

PAPER: dict[str, object] = {
    "id": "arxiv:2611.01234",
    "title": "Bees vote with their feet",
    "abstract": "We listen to hives.",
    "authors": ["Pilar Ibáñez", "Tove Lindgren"],
    "categories": ["cs.LG"],
    "published": "2026-11-20",
    "venue": "Journal of Hives",
    "affiliations": ["Lund University"],
    "signals": {"stars": 12, "upvotes": 30, "comments": 4},
    "links": {
        "code": "https://example.org/code",
        "discussion": "https://example.org/talk",
        "project": "https://example.org/bees",
    },
}
ADA: dict[str, object] = {"email": "ada@example.net", "authors": ["Tove Lindgren"], "hour": 0, "size": 4}


@pytest.fixture
def digest(tmp_path: Path, database_url: str, now: datetime) -> Install:
    """Return an install with a digest for Ada, planned."""
    made = install(tmp_path, database_url, now)
    made.papers([PAPER])
    made.people([ADA])
    assert made.plan().planned == 1
    return made


def body(install: Install) -> str:
    """Return the text of the only digest."""
    composer, (claim,) = prepared(install)
    return plain(composer.compose(claim).message)


def plain(message: bytes) -> str:
    """Return the text of a mail."""
    part = message_from_bytes(message, policy=policy.default).get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_digest_shows_the_facts_of_a_paper(digest: Install) -> None:
    text = body(digest)
    assert "Pilar Ibáñez, *Tove Lindgren*\n" in text
    assert "20 Nov 2026 · Journal of Hives, arXiv · Machine Learning · Lund University" in " ".join(text.split())
    assert "Code, 12 stars: https://example.org/code\n" in text
    assert "Discussion, 30 upvotes, 4 comments: https://example.org/talk\n" in text
    assert "Project page: https://example.org/bees\n" in text


def test_digest_says_once_where_saved_papers_go(tmp_path: Path, database_url: str, now: datetime) -> None:
    made = install(tmp_path, database_url, now)
    made.people([ADA, ADA | {"email": "bob@example.net"}])
    stuck_saving(made.db, 1, now, SavingProblem.KEY)
    for day in range(2):
        made.clock.go(timedelta(days=day))
        made.papers([PAPER | {"id": f"arxiv:2611.0123{day}", "title": f"Bees vote on day {day}"}])
        assert made.plan().planned == 2
    composer, claims = prepared(made)
    told = [claim for claim in claims if Occasion.NOT_SAVED in claim.facts.occasions]
    assert [(claim.subscriber, claim.period) for claim in told] == [(1, "2026-11-24")]
    assert told == [claim for claim in claims if Occasion.SAVING in claim.facts.occasions]
    text = " ".join(plain(composer.compose(told[0]).message).split())
    assert "As your settings say, the papers you save now also go to a Zotero library." in text
    assert "Papers you saved did not get into your Zotero library. Your settings say why." in text


def test_digest_keeps_the_figures_of_its_planning(digest: Install) -> None:
    before = body(digest)
    digest.clock.go(timedelta(hours=1))
    digest.papers([{**PAPER, "signals": {"stars": 900, "upvotes": 900, "comments": 900}}])
    assert body(digest) == before


def test_first_digest_is_marked(digest: Install) -> None:
    with digest.db.read() as session:
        claim = queries.as_claim(session, 1)
    assert claim is not None
    assert claim.facts.occasions == {Occasion.FIRST}
    assert "Welcome!" in body(digest)


@pytest.mark.parametrize("when_empty", [True, False])
def test_empty_day_is_told_on_request(tmp_path: Path, database_url: str, now: datetime, when_empty: bool) -> None:
    made = install(tmp_path, database_url, now)
    made.papers([PAPER])
    muted = {"mute": {"authors": ["Tove Lindgren"]}}  # even a first digest has no muted paper
    topics = ["Byzantine pottery"]
    made.people([{"email": "ada@example.net", "topics": topics, "hour": 0, "when_empty": when_empty, **muted}])
    assert made.plan().planned == when_empty
    assert not made.broken
    if when_empty:
        text = body(made)
        assert "We looked at one new paper, and didn’t pick it for you." in text
        assert "Byzantine pottery" not in text


@pytest.mark.parametrize(("votes", "is_on", "is_told"), [(90, True, True), (90, False, False), (40, True, False)])
def test_digest_names_what_everybody_reads(
    tmp_path: Path, database_url: str, now: datetime, votes: int, is_on: bool, is_told: bool
) -> None:
    made = install(tmp_path, database_url, now)
    made = made.to(made.app.settings.transport_url, everybody_reads="yes" if is_on else "")
    read = {"id": "arxiv:2611.05678", "title": "Swifts sleep aloft", "url": "https://example.org/swifts"}
    made.papers([PAPER, read | {"signals": {"upvotes": votes}}])
    made.people([ADA | {"topics": ["beehives"], "min_score": "high"}])
    made.plan()
    last = "Everybody is reading:\n  Swifts sleep aloft\n  https://example.org/swifts\n"
    assert (last in body(made)) == is_told
    assert "Swifts" not in body(made).partition("Everybody")[0]


def test_one_digest_names_what_everybody_reads(tmp_path: Path, database_url: str, now: datetime) -> None:
    made = install(tmp_path, database_url, now)
    made.people([ADA | {"min_score": "high"}])
    told = []
    for day in range(2):
        read: dict[str, object] = {"id": "arxiv:2611.05678", "title": "Swifts sleep", "signals": {"upvotes": 90}}
        made.papers([PAPER | {"id": f"arxiv:2611.0000{day}", "title": f"Bees vote {'again ' * day}"}, read])
        assert made.plan().planned == 1
        told.append(prepared(made)[1][0])
        made.clock.go(timedelta(days=1))
    assert [bool(claim.facts.most_read) for claim in told] == [True, False]


def test_others_see_nothing_special_of_the_reader(digest: Install) -> None:
    composer, (first,) = prepared(digest)
    assert composer.render(first).subject.startswith("Welcome: ")
    assert "Welcome" not in composer.compose_for_room(first).message.decode()
    near = tuple(pick._replace(section=Section.NEAR) for pick in first.picks)
    own, shared = composer.render(first._replace(picks=near)).text, composer.render_page(first._replace(picks=near))
    assert "Welcome!" in own
    assert "Welcome!" not in shared
