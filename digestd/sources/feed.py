"""Any feed, as `feed:https://journal.example.org/rss`.

RSS 0.9 to 2.0, RDF, Atom or JSON Feed. feedparser (https://feedparser.readthedocs.io/) parses the XML dialects with
Dublin Core (https://www.dublincore.org/specifications/dublin-core/dces/) and PRISM. It gets bytes in a stream, never
an address, which it would fetch or open. Malformed feeds are parsed leniently; if one also ends early, its last entry
may be incomplete and is dropped.

Guids change, so they identify a paper only if they hold a DOI or an arXiv id. Otherwise the link does, without
fragment and tracking parameters; if several entries share a link, or it is the site's home page, title and first
author do.

What publishers put where in their entries is a table, `RULES`. Most descriptions that look like abstracts are
citations (`Journal, Volume 3, Issue 2, May 2026.`), which are fields. A rule is a pattern over an entry's HTML; its
groups are what the text holds: `abstract`, `authors`, `doi`, `day` and `title`. What a rule matches and does not name
is dropped. Rules for one publisher hold for entries that lead to its sites. The forms come from public recordings and
other parsers of the feeds; the tests show one entry of each.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from time import struct_time
from typing import Self
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import feedparser

from digestd.domain.paper import PaperId, Sighting, arxiv_id, doi_id
from digestd.errors import BadInput, SourceFailed
from digestd.sources.dates import midnight, written_date
from digestd.sources.identifiers import doi_in_address, hash_id, pubmed_address, title_hash_id, unique_ids
from digestd.sources.json_records import JsonObject, as_list, load_object, text_values
from digestd.sources.source import (
    ITEMS_MAX,
    Page,
    RateLimit,
    Reject,
    Request,
    check_rejects,
    make_words,
    parse_timestamp,
    read_each,
    web_url,
)
from digestd.text.markup import html_to_text
from digestd.text.people import split_names

_ACCEPT = "application/feed+json, application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.1"
_URL_MAX = 195
_END = re.compile(rb"</(?:[\w.-]+:)?(?:rss|feed|rdf)\s*>\s*(?:<!--[^<>]*-->\s*)?\Z", re.IGNORECASE)
_OTHER_NAMES = re.compile(rb"<dc:identifier>\s*(?:hwp|pmid|pii|issn)[:\s][^<>]{0,200}</dc:identifier>")
"""Further identifiers of an entry: feedparser returns only the last, which may hide the DOI."""
_TIMES = ("published_parsed", "updated_parsed", "created_parsed")
_IDENTIFIERS = ("dc_identifier", "prism_doi", "prism_url", "id")
_COUNTING = re.compile(r"utm_\w+|mc_[ce]id|fbclid|gclid|msclkid|rss|af|ftcamp|xtor|dgcid", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FeedSource:
    """The feed at an address."""

    url: str

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from an address."""
        url = argument.strip().partition("#")[0]
        if web_url(url) is None or len(url) > _URL_MAX or "," in url:
            raise BadInput(
                f"feed: {argument[:80]!r} is not an address of at most {_URL_MAX} characters like "
                "feed:https://journal.example.org/rss; write a comma in it as %2C"
            )
        if "@" in urlsplit(url).netloc:
            raise BadInput("feed: an address with a name and password would be shown in reports; use one without")
        return cls(url)

    @property
    def name(self) -> str:
        return f"feed:{self.url}"

    @property
    def rate_limit(self) -> RateLimit:
        """Return a limit that requests several feeds of one host in turn."""
        return RateLimit(urlsplit(self.url).hostname or "", 2.0, exclusive=True)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the only request: a feed is one answer, whatever `since` is."""
        del since
        return Request(self.url, {"Accept": _ACCEPT}) if cursor is None else None

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the feed in any supported format."""
        del cursor
        faults: list[str] = []
        if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
            home, entries = _read_json(body)
        else:
            home, entries = _read_xml(body, faults)
        if len(entries) > ITEMS_MAX:
            faults.append(f"more than {ITEMS_MAX} items; the rest was left out")
        read = [_by_publisher(entry) for entry in entries[:ITEMS_MAX]]
        found, rejects = _entry_sightings(read, home or self.url)
        rejects += [Reject("the answer", "body", fault) for fault in faults]
        return check_rejects(Page(tuple(found), None, tuple(rejects)))


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry of a feed. Texts may contain markup, addresses may be relative."""

    title: str
    summary: str = ""
    content: str = ""
    link: str = ""
    authors: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    published: datetime | None = None
    pdf: str = ""
    discussion: str = ""


def _read_xml(body: bytes, faults: list[str]) -> tuple[str, list[FeedEntry]]:
    """Return the base address and the entries, and append what is wrong with the feed to `faults`."""
    if b"<!ENTITY" in body:
        raise SourceFailed("the answer declares a DOCTYPE with entities; a feed was expected")
    try:
        found = feedparser.parse(BytesIO(_OTHER_NAMES.sub(b"", body)), sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:
        # a parser of this age raises whatever comes up (AttributeError, KeyError, RecursionError …)
        raise SourceFailed(f"the answer cannot be read as a feed ({type(error).__name__})") from error
    if not found.get("version"):
        raise SourceFailed("the answer is not a feed (is it a web page?)")
    raw = [dict(entry) for entry in found.entries]  # its own dict warns of the fields it guesses
    _refuse_media(raw)
    entries = [_entry(entry) for entry in raw]
    wrong = found.get("bozo_exception")
    if wrong is not None and type(wrong).__name__ == "SAXParseException":
        is_complete = _END.search(body[-300:]) is not None
        faults.append(f"malformed XML: {wrong}" if is_complete else f"ends early: {wrong}")
        entries = entries if is_complete else entries[:-1]
    return _text(found.feed, "link"), entries


def _refuse_media(entries: Sequence[Mapping[str, object]]) -> None:
    """Raise SourceFailed if most entries are videos or episodes of a podcast."""
    media = sum("yt_videoid" in entry or _is_recording(entry) for entry in entries)
    if 2 * media > len(entries):
        raise SourceFailed("the feed lists videos or recordings, not papers; digestd has nothing to read in them")


def _is_recording(entry: Mapping[str, object]) -> bool:
    links = [link for link in _list(entry, "links") if isinstance(link, dict) and link.get("rel") == "enclosure"]
    return any(_text(link, "type").startswith(("video/", "audio/")) for link in links)


def _entry(entry: Mapping[str, object]) -> FeedEntry:
    links = [link for link in _list(entry, "links") if isinstance(link, dict)]
    content = [_text(part, "value") for part in _list(entry, "content") if isinstance(part, dict)]
    journal = _text(entry, "prism_publicationname")
    return FeedEntry(
        title=_text(entry, "title"),
        summary=_text(entry, "summary"),
        content=next(filter(None, content), ""),
        link=_text(entry, "link"),
        authors=_authors(entry),
        identifiers=tuple(text for key in _IDENTIFIERS if (text := _text(entry, key))),
        categories=(
            *(_text(tag, "term") for tag in _list(entry, "tags") if isinstance(tag, dict)),
            *([journal] if journal else []),
        ),
        published=_published(entry),
        pdf=next((_text(link, "href") for link in links if link.get("type") == "application/pdf"), ""),
        discussion=_text(entry, "comments"),
    )


def _authors(entry: Mapping[str, object]) -> tuple[str, ...]:
    """Return the authors, which IEEE puts into one text."""
    whole = _text(entry, "authors")
    names = [_text(author, "name") for author in _list(entry, "authors") if isinstance(author, dict)]
    return (whole,) if whole else tuple(filter(None, names))


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _list(entry: Mapping[str, object], key: str) -> list[object]:
    value = entry.get(key)
    return value if isinstance(value, list) else []


def _published(entry: Mapping[str, object]) -> datetime | None:
    """Return the first plausible date; feedparser has converted it to UTC."""
    for key in _TIMES:
        given = entry.get(key)
        if isinstance(given, struct_time) and 1900 < given.tm_year < 2200:
            with suppress(ValueError):
                return datetime(*given[:5], tzinfo=UTC)
    return None


def _read_json(body: bytes) -> tuple[str, list[FeedEntry]]:
    """Return the feed's base address and its entries. Raises SourceFailed if it is not a JSON Feed."""
    found = load_object(body)
    items = found.get("items")
    if not isinstance(items, list):
        raise SourceFailed("the answer is JSON, but no JSON Feed: it has no list of items")
    return _json_text(found, "home_page_url") or _json_text(found, "feed_url"), [_json_entry(item) for item in items]


def _json_entry(item: object) -> FeedEntry:
    if not isinstance(item, dict):
        return FeedEntry("")  # without a title, so it is rejected
    return FeedEntry(
        title=_json_text(item, "title"),
        summary=_json_text(item, "summary"),
        content=_json_text(item, "content_text") or _json_text(item, "content_html"),
        link=_json_text(item, "url") or _json_text(item, "external_url"),
        authors=_json_authors(item),
        identifiers=(_json_text(item, "id"), _json_text(item, "external_url")),
        categories=tuple(text_values(item.get("tags"))),
        published=_json_published(item),
        pdf=_json_pdf(item),
    )


def _json_text(item: JsonObject, key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _json_authors(item: JsonObject) -> tuple[str, ...]:
    """Return `authors` of version 1.1, or the single `author` of version 1."""
    given = as_list(item.get("authors")) or as_list(item.get("author"))
    return tuple(_json_text(author, "name") for author in given if isinstance(author, dict))


def _json_published(item: JsonObject) -> datetime | None:
    for key in ("date_published", "date_modified"):
        try:
            return parse_timestamp(_json_text(item, key))
        except (ValueError, OverflowError):
            continue
    return None


def _json_pdf(item: JsonObject) -> str:
    files = [file for file in as_list(item.get("attachments")) if isinstance(file, dict)]
    return next((_json_text(file, "url") for file in files if _json_text(file, "mime_type") == "application/pdf"), "")


def _entry_sightings(entries: Sequence[FeedEntry], home: str) -> tuple[list[Sighting], list[Reject]]:
    """Return the sightings and rejects of a feed's entries. Relative addresses start at `home`."""
    shared = Counter(link for link, _ in {(_link(entry, home), entry.title) for entry in entries})

    def read(entry: FeedEntry) -> list[Sighting]:
        link = _link(entry, home)
        names_one = bool(link) and shared[link] == 1 and not _is_site(link, home)
        return [_sighting(entry, home, link if names_one else "")]

    return read_each(((f"entry {number}", entry) for number, entry in enumerate(entries, start=1)), read)


def _sighting(entry: FeedEntry, home: str, name: str) -> Sighting:
    title, abstract = html_to_text(entry.title), html_to_text(entry.summary)
    paper = make_words(
        title,
        "" if _plain(abstract) == _plain(title) else abstract,
        _names(entry.authors),
        [html_to_text(name) for name in entry.categories],
    )
    addresses = {"pdf": entry.pdf, "discussion": entry.discussion}
    return Sighting(
        ids=_ids(entry, home) or ((hash_id(name),) if name else (title_hash_id(paper),)),
        words=paper,
        published=entry.published,
        url=_absolute(entry.link, home),
        links={kind: url for kind, address in addresses.items() if (url := _absolute(address, home))},
    )


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().casefold()


def _ids(entry: FeedEntry, home: str) -> tuple[PaperId, ...]:
    """Return the DOIs and arXiv ids that the entry declares. Without any, the one in its link."""
    declared = unique_ids([_named(text) for text in (*entry.identifiers, entry.link)])
    return declared or unique_ids(
        [doi_in_address(text) for text in (entry.link, *entry.identifiers) if _absolute(text, home)]
    )


def _named(text: str) -> PaperId | None:
    text = text.strip().removeprefix("info:doi/").removeprefix("urn:doi:")
    if pubmed := pubmed_address(text):
        return pubmed
    named = arxiv_id(text)
    return named[0] if named else doi_id(text)


def _link(entry: FeedEntry, home: str) -> str:
    """Return the stable link, without fragment and tracking parameters, or ""."""
    address = _absolute(entry.link, home)
    if address is None:
        return ""
    parts = urlsplit(address)
    parameters = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _COUNTING.fullmatch(pair[0])]
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}?{urlencode(sorted(parameters))}".rstrip("?")


def _is_site(link: str, home: str) -> bool:
    return "/" not in link or link == _link(FeedEntry("", link=home), home)


def _absolute(address: str, home: str) -> str | None:
    address = address.strip()
    try:
        return web_url(urljoin(home, address)) if address else None
    except ValueError:
        return None


def _names(given: Sequence[str]) -> list[str]:
    """Return separate names in reading order, each once: some feeds give the corresponding author again."""
    return list(dict.fromkeys(name for text in given for name in split_names(html_to_text(text))))


# What publishers put where

_FLAGS = re.IGNORECASE | re.DOTALL
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|spring|summer|autumn"
    r"|fall|winter)"
)
_PLACE = (
    r"(?:\s?,?\s?(?:vol(?:ume|\.)\s?[\w.-]{1,20}|(?:issue|no\.)\s?[\w./-]{1,20}|pages?\s?[\w.–-]{1,30}"
    rf"|art(?:icle)?\s[\w.-]{{1,20}}|(?:{_MONTH}[ /-]?){{1,3}}\s?\d{{0,2}},?\s?\d{{4}}|ahead of print|early\s?view"
    r"|early access|just accepted|accepted article|online first|forthcoming|<a\b[^<>]*>|</a>)){1,8}"
)
"""Volume, issue, pages and month of a citation, in any order."""
_ISSUE = (
    r"(?:<a\b[^<>]*>|[^.<]){0,90}?\b(?:vol|issue|no\b|ahead of|early|just accepted|accepted article|online first"
    r"|forthcoming)"
)
"""Looks ahead for what only a citation has: a month or a page alone may end any sentence."""


@dataclass(frozen=True, slots=True)
class PublisherRule:
    """A form of text in the entries of a publisher's feeds.

    Attributes:
        publisher: whose feeds have it.
        sites: the domains that entries lead to; empty for any.
        text: a pattern over the summary or the content, from its start.
        title: a pattern over the title, from its start.
    """

    publisher: str
    sites: tuple[str, ...]
    text: re.Pattern[str] | None = None
    title: re.Pattern[str] | None = None


def _rule(publisher: str, sites: str, text: str = "", title: str = "") -> PublisherRule:
    return PublisherRule(
        publisher,
        tuple(sites.split()),
        re.compile(text + r"\Z", _FLAGS) if text else None,
        re.compile(title + r"\Z", _FLAGS) if title else None,
    )


RULES = (
    _rule("arXiv", "arxiv.org", r"arXiv:\S+ Announce Type: [\w-]+\s*+Abstract:(?P<abstract>.*)",
          r"(?P<title>.+?)\s{0,3}\(arXiv:[^()]*\)"),
    _rule("Nature", "nature.com", r"(?:<p>)?[^<>;]{2,150}, Published online: [^<>;]+;\s*+(?:<a\b[^<>]*>)?\s*+"
          r"doi:(?P<doi>10\.[^\s<>]+)(?:</a>)?(?:</p>)?(?P<abstract>.*)"),
    _rule("ScienceDirect", "sciencedirect.com", r"<p>Publication date: (?P<day>[^<>]*)</p>\s*+(?:<p>\s*+(?:<b>)?Source:"
          r"(?:</b>)?[^<>]*(?:<i>[^<>]*</i>)?[^<>]*</p>)?\s*+(?:<p>(?:<b>)?Author\(s\):(?:</b>)?"
          r"(?P<authors>[^<>]*)</p>)?(?P<abstract>.*)"),
    _rule("APS", "aps.org", r"<p>Author\(s\): (?P<authors>[^<>]*)</p>\s*+(?P<abstract>.*?)"
          r"(?:(?:<br\s?/?>)?\s{0,3}\[[^\[\]]*\]\s{0,3}Published .*)?"),
    _rule("RSC", "rsc.org", r"(?><div>\s*+<i>.*?<b>DOI</b>:\s*+)(?P<doi>10\.[^\s<>,]++)(?>.*?<div>(?=[^<>]+<br))"
          r"(?P<authors>[^<>]+)<br\s?/?>(?P<abstract>.*?)(?:<br\s?/?>\s{0,9}(?:To cite this|The content of this).*)?"),
    _rule("ACS", "acs.org dx.doi.org", r"(?>(?:<p>\s*+<img\b[^<>]*>\s*+</p>)?\s*+<div>\s*+<cite>[^<>]*</cite>.*?DOI: )"
          r"(?P<doi>10\.[^\s<>]+)\s*+</div>(?P<abstract>.*)", r"\[(?:ASAP|Just Accepted)\]\s*+(?P<title>.+)"),
    _rule("MDPI", "mdpi.com", r"(?>(?:<p>|<b>|\s)*+[^<>]{2,150}?, Vol\. \d+, Pages? [\w-]+: .*?doi: )"
          r"(?P<doi>10\.[^\s<>]+)(?>(?:</\w+>|\s)*)<p>\s*+Authors?:\s*+(?P<authors>[^<>]*)</p>(?P<abstract>.*)",
          r"[^:]{2,150}, Vol\. \d+, Pages? [\w-]+: (?P<title>.+)"),
    _rule("PLOS", "plos.org", r"<p>by (?P<authors>[^<>]*)</p>(?P<abstract>.*)"),
    _rule("PubMed", "pubmed.ncbi.nlm.nih.gov", r"(?><div>\s*+<p\b.*?</p>\s*+(?:<p>\s*+<b>ABSTRACT</b>\s*+</p>)?)"
          r"(?P<abstract>.*?)(?=<p\b[^<>]*>\s{0,3}PMID:).*"),
    _rule("PubMed", "pubmed.ncbi.nlm.nih.gov", r"[^<>]{2,150}\. \d{4}\b[^<>]{0,300}"),
    _rule("Copernicus", "copernicus.org doi.org", r"<b>[^<>]*</b>\s*+<br\s?/?>(?P<authors>[^<>]*)<br\s?/?>"
          r"(?>[^<>]*?\b10\.5194/)[^<>]*<br\s?/?>(?P<abstract>.*)"),
    _rule("Lancet and Cell Press", "thelancet.com cell.com", title=r"\[[A-Z][\w ,&-]{2,40}\]\s*+(?P<title>.+)"),
    # Atypon, the platform of Wiley, Science, PNAS, ACM, T&F, SAGE, SIAM, NEJM, INFORMS, Chicago and others
    _rule("Atypon", "", rf"(?:<p>|<em>|<i>)*[^<>;.]{{3,150}}?,(?={_ISSUE}){_PLACE}(?:\.|\s*+(?=<)|\s*+\Z)"
          r"\s*+(?>(?:</?(?:br|p|em|i)\b[^<>]*>\s*+)*)\.?(?P<abstract>.*)"),
    _rule("Wiley", "wiley.com", r"(?>.*?<h\d[^<>]*>\s*+(?:graphical )?abstract\s*+</h\d>)(?P<abstract>.*)"),
    _rule("Taylor & Francis", "tandfonline.com", rf"{_PLACE}\.?\s*+(?>(?:<br\s?/?>\s*+)*)\.?(?P<abstract>.*)"),
)  # fmt: skip
"""Tried in this order; the first that matches a text counts."""

_OPENING = (
    r"(?:An?|The|Th(?:is|ese)|We|Our|I[nt]|Here|For|To|Wh(?:ile|en)|Although|Despite|Recent(?:ly)?|Background|Objectives?"
    r"|Purpose|Aims?|Introduction|Context|Motivation|Summary)\b"
)
"""How an abstract starts, if its heading is a word before it; `Abstract Syntax Trees` has no heading."""
_HEADING = re.compile(
    r"\s*+(?:<(?:h\d|p|div|b|strong|sec|st|span)\b[^<>]*>\s*+)*(?i:abstract|summary|significance)\s*+[:.]?\s*+"
    r"(?:</(?:h\d|p|div|b|strong|st|span)>\s*+)+(?![a-z])"
    r"|\s*+(?:<\w[^<>]*>\s*+)*(?:ABSTRACT|Abstract|Significance)"
    rf"(?:\s*+[:.]\s*+|(?=[A-Z][a-z])|\s++(?={_OPENING}))",
    re.DOTALL,
)
_TEXT_MAX, _TITLE_MAX = 30_000, 2_000
_AFFILIATIONS = re.compile(r"(?<!\s)\s*\bAuthor affiliations?\b.*", _FLAGS)
_PRECISE = re.compile(r"\b\d{1,2}\b[^\d\n]{1,40}\b\d{4}\b|\b\d{4}-\d\d-\d\d\b")


def _by_publisher(entry: FeedEntry) -> FeedEntry:
    """Return the entry with its fields where they belong. The summary is the abstract, or "" if the entry has none."""
    entry = replace(entry, authors=tuple(_AFFILIATIONS.sub("", name) for name in entry.authors))
    rules = tuple(_rules_of(entry))
    for rule in rules:
        if rule.title and (found := rule.title.match(entry.title.strip()[:_TITLE_MAX])):
            entry = replace(entry, title=found["title"])
            break
    abstract = ""
    for text in filter(None, (entry.summary, entry.content)):
        found = next(
            (match for rule in rules if rule.text and (match := rule.text.match(text.strip()[:_TEXT_MAX]))), None
        )
        if found is None:
            abstract = abstract or text
            continue
        entry, own = _with_fields(entry, found.groupdict())
        abstract = abstract or own
    heading = _HEADING.match(abstract)
    return replace(entry, summary=abstract[heading.end() :] if heading else abstract, content="")


def _rules_of(entry: FeedEntry) -> Iterator[PublisherRule]:
    link = web_url(entry.link.strip())
    host = urlsplit(link).hostname or "" if link else ""
    for rule in RULES:
        if not rule.sites or any(host == site or host.endswith(f".{site}") for site in rule.sites):
            yield rule


def _with_fields(entry: FeedEntry, found: dict[str, str | None]) -> tuple[FeedEntry, str]:
    """Return the entry with the fields of a text, as far as it lacks them, and the abstract."""
    authors, doi, day = found.get("authors"), found.get("doi"), found.get("day") or ""
    published = written_date(day) if _PRECISE.search(day) else None
    entry = replace(
        entry,
        authors=entry.authors or ((authors,) if authors else ()),
        identifiers=(*entry.identifiers, *([doi] if doi else ())),
        published=entry.published or (midnight(published) if published else None),
    )
    return entry, (found.get("abstract") or "").strip()
