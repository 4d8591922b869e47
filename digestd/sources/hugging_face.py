"""Hugging Face's daily papers with votes, `hf-daily`, and what trends there, `hf-trending`.

GET https://huggingface.co/api/daily_papers, documented at https://huggingface.co/docs/hub/api. Votes grow for
days, so the last three days are requested again. The newest day is requested without a date (a future date
is an error, and only the answer knows its newest day), then each day before it. Weekends are empty. The JSON is
parsed here because huggingface_hub 2.4 loses nested fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from digestd.domain.paper import SUMMARY_MAX, Sighting, arxiv_id
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.json_records import load_json, read_records, require_object
from digestd.sources.source import (
    ITEMS_MAX,
    Page,
    RateLimit,
    Request,
    check_rejects,
    clean_line,
    clean_names,
    make_words,
    parse_timestamp,
    quote_service,
    web_url,
)

VOTES_GROW = timedelta(days=3)
_URL = "https://huggingface.co/api/daily_papers?limit=100"
_TRENDING = "https://huggingface.co/api/daily_papers?sort=trending&limit=100"


@dataclass(frozen=True, slots=True)
class HfDaily:
    """The papers of the newest day and of the days before it."""

    name = "hf-daily"
    rate_limit = RateLimit("huggingface.co", 1.0)
    """Limit far below the 500 anonymous requests per five minutes."""

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the newest day, then one day earlier each time. It ends three days before `since`."""
        if cursor is None:
            return Request(_URL, fresh=True)
        if date.fromisoformat(cursor) < (since - VOTES_GROW).date():
            return None
        return Request(f"{_URL}&date={cursor}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse one day."""
        sightings, rejects = read_records(
            daily_records(body), lambda record: [replace(read_paper(record), day=_day(record))]
        )
        day = date.fromisoformat(cursor) if cursor else max((one.day for one in sightings if one.day), default=None)
        before = (day - timedelta(days=1)).isoformat() if day else None
        listed = tuple(replace(sighting, day=day) for sighting in sightings)
        return check_rejects(Page(listed, before, tuple(rejects), day=day))


def daily_records(body: bytes) -> list[object]:
    """Return the records of an answer. Raises SourceFailed if it has none."""
    found = load_json(body)
    if isinstance(found, dict) and "error" in found:
        raise SourceFailed(quote_service("Hugging Face", found["error"]))
    if not isinstance(found, list):
        raise SourceFailed("the answer is not a list of papers; its format has changed")
    return found[:ITEMS_MAX]


def read_paper(record: object) -> Sighting:
    """Return one record as a sighting. Raises BadRecord."""
    outer = require_object(record, "record")
    paper = require_object(outer.get("paper"), "paper")
    named = arxiv_id(str(paper.get("id")))
    if named is None:
        raise BadRecord("paper.id", f"{str(paper.get('id'))[:80]!r} is not an arXiv id")
    return Sighting(
        ids=(named[0],),
        words=make_words(_text(paper, outer, "title"), _text(paper, outer, "summary"), _authors(paper.get("authors"))),
        published=_published(paper, outer),
        url=f"https://arxiv.org/abs/{named[0].removeprefix('arxiv:')}",
        links=_links(paper, named[0].removeprefix("arxiv:")),
        signals=_signals(paper, outer),
        affiliations=_affiliations(paper.get("organization") or outer.get("organization")),
        summary=_summary(paper),
    )


def _summary(paper: Mapping[str, object]) -> str:
    found = paper.get("ai_summary")
    return clean_line(found, SUMMARY_MAX) if isinstance(found, str) else ""


def _text(paper: Mapping[str, object], outer: Mapping[str, object], key: str) -> str:
    found = paper.get(key) or outer.get(key) or ""
    if not isinstance(found, str):
        raise BadRecord(f"paper.{key}", "is not text")
    return found


def _authors(value: object) -> list[str]:
    """Return the visible names; hidden ones are not authors of the paper."""
    if not isinstance(value, list):
        raise BadRecord("paper.authors", "is not a list")
    return [str(author["name"]) for author in value if isinstance(author, dict) and _shown(author)]


def _affiliations(organization: object) -> tuple[str, ...]:
    """Return the organisation that claimed the paper; one without a name is left out."""
    if not isinstance(organization, dict):
        return ()
    names = (organization.get("fullname"), organization.get("name"))
    return clean_names([name for name in names if isinstance(name, str) and name][:1], 1)


def _shown(author: Mapping[str, object]) -> bool:
    return not author.get("hidden") and isinstance(author.get("name"), str)


def _published(paper: Mapping[str, object], outer: Mapping[str, object]) -> datetime:
    value = paper.get("publishedAt") or outer.get("publishedAt")
    try:
        return parse_timestamp(str(value))
    except ValueError as error:
        raise BadRecord("paper.publishedAt", f"no date that can be read ({error})") from error


def _day(record: object) -> date:
    """Return the day that a paper is listed under."""
    outer = require_object(record, "record")
    paper = require_object(outer.get("paper"), "paper")
    value = paper.get("submittedOnDailyAt") or outer.get("publishedAt") or paper.get("publishedAt")
    try:
        return parse_timestamp(str(value)).date()
    except ValueError as error:
        raise BadRecord("publishedAt", f"no date that can be read ({error})") from error


def _links(paper: Mapping[str, object], number: str) -> dict[str, str]:
    links = {
        "code": web_url(paper.get("githubRepo")),
        "project": web_url(paper.get("projectPage")),
        "discussion": f"https://huggingface.co/papers/{number}",
    }
    return {name: url for name, url in links.items() if url}


def _signals(paper: Mapping[str, object], outer: Mapping[str, object]) -> dict[str, float]:
    """Return votes, comments and stars; a missing number is unknown, not zero."""
    values = {
        "upvotes": paper.get("upvotes"),
        "comments": outer.get("numComments"),
        "stars": paper.get("githubStars"),
    }
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    }


@dataclass(frozen=True, slots=True)
class HfTrending:
    """The hundred papers that trend now."""

    name = "hf-trending"
    rate_limit = HfDaily.rate_limit
    """Limit shared with the daily papers."""

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the only request: the list is current, whatever `since` is."""
        del since
        return Request(_TRENDING, fresh=True) if cursor is None else None

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        del cursor
        sightings, rejects = read_records(daily_records(body), lambda record: [read_paper(record)])
        return check_rejects(Page(tuple(sightings), None, tuple(rejects)))
