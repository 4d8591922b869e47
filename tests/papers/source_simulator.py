"""Serve arXiv and Hugging Face over some weeks.

From a local server, at the time of a clock.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from digestd.sources.arxiv.api import ArxivApi
from digestd.sources.arxiv.calendar import DEFAULT_CALENDAR, date_range
from digestd.sources.arxiv.rss import ArxivRss
from tests.papers.http_server import Answerer, HttpServer, ReceivedRequest, head

RSS, API = ArxivRss(("cs.LG",)), ArxivApi(("cs.LG",))
DAY = timedelta(days=1)


@dataclass
class SourceSimulator:
    """Simulated arXiv and Hugging Face.

    Attributes:
        each: papers per announcement.
        page: records per page of OAI-PMH.
        down: paths that answer 404.
        served: day whose batch the feed gives instead of that of the key.
        redated: give that batch under the date of the key.
    """

    clock: Callable[[], datetime]
    first: date = date(2026, 11, 2)
    each: int = 12
    page: int = 20
    served: dict[date, date] = field(default_factory=dict)
    redated: bool = False
    down: set[str] = field(default_factory=set)

    def open(self, site: HttpServer) -> None:
        """Serve all paths."""
        for path, answer in {
            "/atom/cs.LG": self.feed,
            "/oai": self.oai,
            "/api/query": self.api,
            "/api/daily_papers": self.hf,
        }.items():
            site.paths[path] = self._answer(path, answer)

    def announced(self, by: Callable[[date], datetime | None]) -> list[date]:
        """Return the days whose announcement an interface has by now."""
        now = self.clock()
        return [day for day in date_range(self.first, now.date()) if (due := by(day)) and due <= now]

    def numbers(self, day: date) -> list[str]:
        return [f"{day:%y%m}.{day:%d}{number:03}" for number in range(self.each)]

    def feed(self, _query: dict[str, str]) -> bytes:
        newest = max(self.announced(RSS.announcement_time))
        of = self.served.get(newest, newest)
        dated = newest if self.redated else of
        entries = "".join(_feed_entry(number, dated) for number in self.numbers(of))
        return (
            f'<feed xmlns="http://www.w3.org/2005/Atom"><updated>{newest}T05:00:02Z</updated>{entries}</feed>'.encode()
        )

    def oai(self, query: dict[str, str]) -> bytes:
        first, until, start = query.get("resumptionToken", f"{query.get('from')}/{query.get('until')}/0").split("/")
        wanted = [
            day for day in self.announced(DEFAULT_CALENDAR.announcement_time) if first <= day.isoformat() <= until
        ]
        records = [_record(number, day) for day in wanted for number in self.numbers(day)]
        after = int(start) + self.page
        token = f"{first}/{until}/{after}" if after < len(records) else ""
        listed = "".join(records[int(start) : after]) + f"<resumptionToken>{token}</resumptionToken>"
        body = f"<ListRecords>{listed}</ListRecords>" if records else '<error code="noRecordsMatch"/>'
        return f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{body}</OAI-PMH>'.encode()

    def api(self, query: dict[str, str]) -> bytes:
        start, count = int(query["start"]), int(query["max_results"])
        newest_first = sorted(self.announced(API.announcement_time), reverse=True)
        entries = [_api_entry(number, day) for day in newest_first for number in self.numbers(day)]
        return f"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:o="http://a9.com/-/spec/opensearch/1.1/">
            <o:totalResults>{len(entries)}</o:totalResults><o:startIndex>{start}</o:startIndex>
            {"".join(entries[start : start + count])}</feed>""".encode()

    def hf(self, query: dict[str, str]) -> bytes:
        listed = [day for day in date_range(self.first, self.clock().date()) if day.weekday() < 5]
        day = date.fromisoformat(query["date"]) if "date" in query else max(listed)
        return json.dumps([_hf_record(number, day) for number in self.numbers(day)] if day in listed else []).encode()

    def _answer(self, path: str, answer: Callable[[dict[str, str]], bytes]) -> Answerer:
        async def say(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
            body = b"" if path in self.down else answer(query)
            writer.write(head(404 if path in self.down else 200, Content_Length=len(body)) + body)

        return say


def _words(number: str) -> str:
    """Return a title of the subscriber's topic that is unique to this paper."""
    return f"glimmering vostok tidepool lanterns {number}"


def _feed_entry(number: str, day: date) -> str:
    return f"""<entry><id>oai:arXiv.org:{number}v1</id><title>{_words(number)}</title>
        <summary>arXiv:{number}v1 Announce Type: new Abstract: On {_words(number)}.</summary>
        <published>{day}T00:00:00-05:00</published><category term="cs.LG"/></entry>"""


def _record(number: str, day: date) -> str:
    return f"""<record><header><identifier>oai:arXiv.org:{number}</identifier><datestamp>{day}</datestamp></header>
        <metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{number}</id><created>{day - DAY}</created>
        <title>{_words(number)}</title><abstract>On {_words(number)}.</abstract><categories>cs.LG</categories>
        </arXiv></metadata></record>"""


def _api_entry(number: str, day: date) -> str:
    submitted = DEFAULT_CALENDAR.announcement_time(day)
    assert submitted is not None
    while DEFAULT_CALENDAR.announcement_day(submitted) != day:
        submitted -= timedelta(hours=1)
    return f"""<entry><id>http://arxiv.org/abs/{number}v1</id><title>{_words(number)}</title>
        <summary>On {_words(number)}.</summary><published>{submitted:%Y-%m-%dT%H:%M:%SZ}</published></entry>"""


def _hf_record(number: str, day: date) -> dict[str, object]:
    said = {"title": _words(number), "summary": f"On {_words(number)}.", "authors": [], "upvotes": 3}
    listed = f"{day}T09:00:00Z"
    return {"paper": {"id": number, "publishedAt": listed, "submittedOnDailyAt": listed, **said}}
