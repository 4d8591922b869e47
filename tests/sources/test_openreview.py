"""Test the papers of an OpenReview venue."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from digestd.errors import SourceFailed
from digestd.sources import parse_source
from digestd.sources.openreview import PAGE_SIZE
from digestd.sources.source import Page

BODY = (Path(__file__).parent / "samples" / "openreview.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
VENUE = parse_source("openreview:Lakes.example/2026/Conference")
CHANGED = int(SINCE.timestamp() * 1_000)
DAY = 86_400_000
NOT_FOUND = b'{"name": "NotFoundError", "message": "Group Not Found: X", "status": 404, "details": {}}'


def note(content: dict[str, object] | None = None, **said: object) -> dict[str, object]:
    return {"id": "abc", "forum": "abc", "cdate": CHANGED, "tmdate": CHANGED,
            "content": {"title": {"value": "T"}, **(content or {})}, **said}  # fmt: skip


def answer(*notes: dict[str, object], count: int | None = 9) -> bytes:
    return json.dumps({"notes": notes} if count is None else {"notes": notes, "count": count}).encode()


def group(name: str, domain: str | None = None, **content: str) -> bytes:
    said = {key: {"value": value} for key, value in content.items()}
    return json.dumps({"groups": [{"id": name, **({"domain": domain} if domain else {}), "content": said}]}).encode()


def only(*notes: dict[str, object]) -> Any:
    page = VENUE.parse(answer(*notes))
    assert (len(page.sightings), page.rejects) == (1, ())
    return page.sightings[0]


def requested(cursor: str | None, since: datetime = SINCE) -> tuple[str, str]:
    request = VENUE.requests(since, cursor)
    assert request is not None
    query = parse_qs(urlsplit(request.url).query)
    assert (query["sort"], query["count"], query["limit"]) == (["tmdate:desc"], ["true"], [str(PAGE_SIZE)])
    return query["content.venueid"][0], query.get("offset", ["0"])[0]


def test_openreview_parses_every_field() -> None:
    ponds = VENUE.parse(BODY).sightings[0]
    assert ponds.ids == ("openreview:Inv3nted_x", "arxiv:2611.40001")
    assert ponds.words.title == "Ponds at the Venue"
    assert ponds.words.abstract == "We put $n$ ponds into one room."
    assert ponds.words.authors == ("Ann Example", "Bo Li")
    assert ponds.words.categories == ("ponds", "rooms")
    assert ponds.published == datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    assert (ponds.day, ponds.announced, ponds.withdrawn) == (date(2026, 11, 21), "new", False)
    assert ponds.url == "https://openreview.net/forum?id=Inv3nted_x"
    assert ponds.links == {"pdf": "https://openreview.net/pdf/0123456789abcdef.pdf"}


def test_openreview_reads_api_1_values() -> None:
    old = VENUE.parse(BODY).sightings[2]
    assert (old.words.title, old.words.authors) == ("An old note in bare values", ("Zoë Ångström",))


def test_openreview_resolves_entities_but_keeps_tex() -> None:
    found = only(note({"title": {"value": "Ice&lt;Pond&gt; &amp; more"}, "abstract": {"value": "$a &lt b$ & c"}}))
    assert (found.words.title, found.words.abstract) == ("Ice<Pond> & more", "$a &lt b$ & c")


@pytest.mark.parametrize(
    ("content", "withdrawn"),
    [
        ({"venueid": {"value": "X/2026/Conference/Withdrawn_Submission"}}, True),
        ({"venue": {"value": "ICLR 2026 Conference Withdrawn Submission"}}, True),
        ({"venue": {"value": "Withdrawn by Authors"}}, True),
        ({"venueid": {"value": "X/2026/Conference/Rejected_Submission"}}, False),
        ({"title": {"value": "Withdrawn states"}}, False),
        ({}, False),
    ],
)
def test_openreview_venue_shows_withdrawal(content: dict[str, object], withdrawn: bool) -> None:
    found = only(note(content))
    assert (found.withdrawn, found.announced) == (withdrawn, "replace" if withdrawn else "new")


@pytest.mark.parametrize(
    ("content", "other"),
    [
        ({"html": {"value": "https://arxiv.org/abs/2611.00001v2"}}, "arxiv:2611.00001"),
        ({"arxiv": {"value": "2611.00001"}}, "arxiv:2611.00001"),
        ({"doi": "10.48550/arXiv.2611.00001"}, "arxiv:2611.00001"),
        ({"_bibtex": {"value": "@article{x, doi = {10.5555/X.1}, year=2026}"}}, "doi:10.5555/x.1"),
        ({"_bibtex": {"value": '@article{x, eprint="2611.00001"}'}}, "arxiv:2611.00001"),
    ],
)
def test_openreview_exact_identifier_joins(content: dict[str, object], other: str) -> None:
    assert only(note(content)).ids == ("openreview:abc", other)


@pytest.mark.parametrize(
    "content",
    [
        {"abstract": {"value": "extends arXiv:2611.00001"}},
        {"_bibtex": {"value": "@misc{x, note={compare 2611.00001}}"}},
        {"html": {"value": "see https://arxiv.org/abs/2611.00001"}},
    ],
)
def test_openreview_mention_of_other_paper_does_not_join(content: dict[str, object]) -> None:
    assert only(note(content)).ids == ("openreview:abc",)


@pytest.mark.parametrize(
    ("dates", "day"),
    [
        ({"pdate": CHANGED - DAY, "odate": CHANGED - 3 * DAY}, 22),
        ({"odate": CHANGED - 3 * DAY}, 20),
        ({"pdate": None}, 23),
        ({"pdate": 0, "odate": "soon"}, 23),
    ],
)
def test_openreview_day_prefers_publication_date(dates: dict[str, object], day: int) -> None:
    assert only(note() | dates).day == date(2026, 11, day)


def test_openreview_order_is_latest_withdrawn_rest() -> None:
    main = "Lakes.example/2026/Conference"
    assert requested(None) == (main, "0")
    first = VENUE.parse(answer(note(), note()))
    assert requested(first.next) == (f"{main}/Withdrawn_Submission", "0")
    aside = VENUE.parse(answer(note(), count=1), first.next)
    assert requested(aside.next) == (main, "2")
    assert VENUE.parse(answer(note(), count=3), aside.next).next is None


def test_openreview_withdrawn_venue_is_a_source() -> None:
    withdrawn = parse_source("openreview:X/2026/Conference/Withdrawn_Submission")
    assert withdrawn.parse(answer(note(), count=1)).next is None
    of_submissions = parse_source("openreview:X/2026/Conference/Submission")
    request = of_submissions.requests(SINCE, of_submissions.parse(answer(note(), count=1)).next)
    assert request is not None
    assert "X%2F2026%2FConference%2FWithdrawn_Submission&" in request.url


def test_openreview_stops_at_unchanged_notes() -> None:
    later = VENUE.parse(answer(note(), note(tmdate=CHANGED - DAY), count=9), "2@1")
    assert later.next == f"4@{CHANGED - DAY}"
    assert VENUE.requests(SINCE, later.next) is None
    assert VENUE.requests(datetime(2026, 11, 22, 7, 30, tzinfo=UTC), later.next) is not None


def test_openreview_requests_empty_page_again() -> None:
    assert VENUE.parse(answer(count=9)).next == "0"
    assert VENUE.parse(answer(count=9), "2@5").next == "2@5"
    assert VENUE.requests(SINCE, "0") == VENUE.requests(SINCE, None)


def test_openreview_venue_without_papers_is_looked_up() -> None:
    empty = VENUE.parse(answer(count=0))
    assert (empty, VENUE.parse(answer(count=None))) == (Page(next="0@venue", total=0), Page(next="0@venue"))
    request = VENUE.requests(SINCE, empty.next)
    assert request is not None
    assert request.url == "https://api2.openreview.net/groups?id=Lakes.example%2F2026%2FConference"
    name = "Lakes.example/2026/Conference"
    assert VENUE.parse(group(name, name), "0@venue") == Page()
    with pytest.raises(SourceFailed, match="a venue of the old API"):
        VENUE.parse(group(name), "0@venue")


@pytest.mark.parametrize(
    "parent", [NOT_FOUND, group("Lakes.example/2026"), group("Lakes.example/2026", "Lakes.example")]
)
def test_openreview_unknown_venue_fails_with_remedy(parent: bytes) -> None:
    assert VENUE.parse(NOT_FOUND, "0@venue").next == "0@venue parent"
    with pytest.raises(SourceFailed, match=r"no venue Lakes.example/2026/Conference; take the id from the address"):
        VENUE.parse(parent, "0@venue parent")
    with pytest.raises(SourceFailed, match="no venue TMLE; take the id"):
        parse_source("openreview:TMLE").parse(NOT_FOUND, "0@venue")


def test_openreview_conference_names_its_venue_ids() -> None:
    of = "X/2026/Conference"
    named = group(of, of, submission_venue_id=f"{of}/Submission", rejected_venue_id=f"{of}/Rejected_Submission")
    for name in ("Submission", "Rejected_Submission"):
        assert parse_source(f"openreview:{of}/{name}").parse(named, "0@venue parent") == Page()
    with pytest.raises(SourceFailed, match=f"{of} has {of}/Submission, {of}/Rejected_Submission; take"):
        parse_source(f"openreview:{of}/Submissions").parse(named, "0@venue parent")
    assert parse_source("openreview:TMLR/Rejected").parse(group("TMLR", "TMLR"), "0@venue parent") == Page()


def test_openreview_page_begins_before_the_end_of_the_last() -> None:
    notes = [note(forum=f"id{number}") for number in range(50)]
    assert VENUE.parse(answer(*notes, count=90), "20").next == f"68@{CHANGED}"
    assert VENUE.parse(answer(*notes[:3], count=90), "20").next == f"23@{CHANGED}"


def test_openreview_reads_authors_with_profiles() -> None:
    people = [{"fullname": "Ann Example", "username": "~Ann_Example1"}, {"fullname": "Bo Li", "institutions": []}]
    found = only(note({"authors": {"value": [*people, {"username": "~Nameless1"}]}}))
    assert found.words.authors == ("Ann Example", "Bo Li")
