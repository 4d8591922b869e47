"""Page through an invented API.

However it cuts pages, every record comes once and paging ends.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from digestd.domain.paper import Sighting
from digestd.sources import parse_source
from digestd.sources.source import Source

SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
NOW = int(SINCE.timestamp() * 1_000)
Record = dict[str, object]
Api = Callable[[str, dict[str, str], int], bytes]


def posts(count: int) -> list[Record]:
    own = {"title": "T", "date": "2026-11-23", "version": "1", "type": "new results", "category": "genetics"}
    return [{**own, "doi": f"10.1101/{number}"} for number in range(count)]


def biorxiv(path: str, query: dict[str, str], size: int) -> bytes:
    """Claim more records than there are."""
    _, _, _, first, last, cursor, _ = path.split("/")
    of_category = posts(7) if query.get("category") in {None, "genetics"} else []
    found = of_category[int(cursor) :][:size]
    if not found:
        return b'{"messages": [{"status": "no posts found"}], "collection": []}'
    said = {"status": "ok", "interval": f"{first}:{last}", "cursor": cursor, "count": len(found), "total": "11"}
    return json.dumps({"messages": [said], "collection": found}).encode()


def crossref(_path: str, query: dict[str, str], size: int) -> bytes:
    created = {"date-parts": [[2026, 11, 23]]}
    works = [{"DOI": f"10.5555/{number}", "title": ["T"], "created": created} for number in range(7)]
    start = 0 if query["cursor"] == "*" else int(query["cursor"].removesuffix("+/="))
    found = works[start:][:size]
    message = {"total-results": len(works), "next-cursor": f"{start + len(found)}+/=", "items": found}
    return json.dumps({"status": "ok", "message": message}).encode()


def dblp(_path: str, query: dict[str, str], size: int) -> bytes:
    year = query["q"].split(":")[-2]
    of_year = {"2026": 5, "2027": 2}.get(year, 100)
    infos = [{"title": "T.", "year": year, "key": f"conf/x/{year}-{number}"} for number in range(of_year)]
    found = [{"info": info} for info in infos[int(query["f"]) :][:size]]
    hits = {"@total": str(of_year), **({"hit": found} if found else {})}
    return json.dumps({"result": {"status": {"@code": "200"}, "hits": hits}}).encode()


def europe_pmc(_path: str, query: dict[str, str], size: int) -> bytes:
    """Repeat the last mark for ever."""
    entries = [{"id": str(n), "source": "MED", "pmid": str(n), "title": "T", "pubYear": "2026"} for n in range(1, 8)]
    start = 0 if query["cursorMark"] == "*" else int(query["cursorMark"].removesuffix("+/="))
    found = entries[start:][:size]
    mark = f"{start + len(found)}+/="
    return json.dumps({"hitCount": 7, "nextCursorMark": mark, "resultList": {"result": found}}).encode()


def hal(_path: str, query: dict[str, str], size: int) -> bytes:
    """Repeat the last mark for ever."""
    deposits = [{"halId_s": f"hal-{n}", "title_s": ["T"], "submittedDate_s": "2026-11-23"} for n in range(7)]
    start = 0 if query["cursorMark"] == "*" else int(query["cursorMark"].removesuffix("+/="))
    found = deposits[start:][:size]
    return json.dumps(
        {"response": {"numFound": 7, "docs": found}, "nextCursorMark": f"{start + len(found)}+/="}
    ).encode()


def openalex(_path: str, query: dict[str, str], _size: int) -> bytes:
    """Serve 207 works by the page."""
    own = {"title": "T", "type": "article", "publication_date": "2026-11-20", "created_date": "2026-11-21"}
    works = [{**own, "id": f"https://openalex.org/W{n}"} for n in range(207)]
    size = int(query["per_page"])
    return json.dumps({"meta": {"count": 207}, "results": works[(int(query["page"]) - 1) * size :][:size]}).encode()


def zenodo(_path: str, query: dict[str, str], _size: int) -> bytes:
    """Serve thirty new records and many old ones."""
    days = ["2026-11-23"] * 30 + ["2026-11-10"] * 100
    records = [
        {"doi": f"10.5281/zenodo.{n}", "created": f"{day}T10:00:00+00:00", "metadata": {"title": "T"}}
        for n, day in enumerate(days)
    ]
    size = int(query["size"])
    found = records[(int(query["page"]) - 1) * size :][:size]
    return json.dumps({"hits": {"hits": found, "total": len(records)}}).encode()


def acl_anthology(_path: str, _query: dict[str, str], size: int) -> bytes:
    papers = "".join(f"<paper><title>T</title><url>2026.lakes-1.{n}</url></paper>" for n in range(size))
    return f'<collection><volume ingest-date="2026-11-23">{papers}</volume></collection>'.encode()


def openreview(_path: str, query: dict[str, str], size: int) -> bytes:
    """Serve seven changed papers, one withdrawn, and many unchanged ones."""
    venue = query["content.venueid"]
    content = {"title": {"value": "T"}, "venueid": {"value": venue}}
    if venue.endswith("Withdrawn_Submission"):
        notes = [{"id": "gone", "cdate": NOW, "tmdate": NOW, "content": content}]
    else:
        stamps = [NOW] * 7 + [NOW - 10**9] * 50
        notes = [{"id": f"id{n}", "cdate": NOW, "tmdate": at, "content": content} for n, at in enumerate(stamps)]
    found = notes[int(query.get("offset", 0)) :][:size]
    return json.dumps({"notes": found, "count": len(notes)}).encode()


def pubmed(path: str, query: dict[str, str], size: int) -> bytes:
    """Delete two of nine records after the search.

    A page of one would be empty in mid-result.
    """
    if path.endswith("esearch.fcgi"):
        return b'{"esearchresult": {"count": "9", "querykey": "1", "webenv": "MCID_1"}}'
    there = range(int(query["retstart"]), 9)[: max(2, size)]
    records = "".join(
        f"""<PubmedArticle><MedlineCitation><PMID>{number}</PMID><Article><ArticleTitle>T</ArticleTitle><ArticleDate>
        <Year>2026</Year></ArticleDate></Article></MedlineCitation></PubmedArticle>"""
        for number in there
        if number not in {3, 8}
    )
    return f"<PubmedArticleSet>{records}</PubmedArticleSet>".encode()


def walk(source: Source, api: Api, size: int) -> list[Sighting]:
    """Return every sighting of a source, within a bounded number of pages."""
    cursor: str | None = None
    found: list[Sighting] = []
    stalls = 0
    for _page in range(100):
        request = source.requests(SINCE, cursor)
        if request is None:
            return found
        parts = urlsplit(request.url)
        page = source.parse(api(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}, size), cursor)
        assert page.rejects == ()
        found += page.sightings
        stalls += page.next == (cursor or "0")
        assert stalls < 3
        if page.next is None:
            return found
        cursor = page.next
    raise AssertionError("the walk does not end")


WALKS: list[tuple[str, Api, int]] = [
    ("biorxiv", biorxiv, 7),
    ("medrxiv:genetics", biorxiv, 7),
    ("biorxiv:cell biology+genetics+ecology", biorxiv, 7),
    ("crossref:1234-5679", crossref, 7),
    ("dblp:stream:conf/x:", dblp, 7),
    ("chemrxiv", crossref, 7),
    ("europepmc:lakes", europe_pmc, 7),
    ("hal:lakes", hal, 7),
    ("openalex:T19001", openalex, 207),
    ("openreview:X/2026/Conference", openreview, 8),
    ("pubmed:lakes", pubmed, 7),
]


def test_zenodo_paging_stops_behind_new_records() -> None:
    assert len(walk(parse_source("zenodo:lakes"), zenodo, 25)) == 50


def test_acl_anthology_walk_ends_after_the_year() -> None:
    assert len(walk(parse_source("acl-anthology:lakes"), acl_anthology, 3)) == 3


@pytest.mark.parametrize(("spec", "api", "count"), WALKS, ids=[spec for spec, _, _ in WALKS])
@pytest.mark.parametrize("size", [1, 3, 30])
def test_source_paging_returns_every_record(spec: str, api: Api, count: int, size: int) -> None:
    found = walk(parse_source(spec), api, size)
    news = {sighting.ids for sighting in found}
    if api is openreview:  # the page on which the changed ones end may hold some that did not change
        changed = {(f"openreview:id{number}",) for number in range(7)} | {("openreview:gone",)}
        assert changed <= news
        assert len(news) <= count + size
    else:
        assert len(news) == count
        assert len(found) <= count + 2
