"""What publishers put where in the entries of their feeds: one rule per form.

Most descriptions that look like abstracts are citations (`Journal, Volume 3, Issue 2, May 2026.`), which are fields.
A rule is a pattern over an entry's HTML; its groups are what the text holds: `abstract`, `authors`, `doi`, `day` and
`title`. What a rule matches and does not name is dropped. Rules for one publisher hold for entries that lead to its
sites. The forms come from public recordings and other parsers of the feeds; the tests show one entry of each.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from digestd.sources.dates import midnight, written_date
from digestd.sources.feeds.entry import FeedEntry
from digestd.sources.source import web_url

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


def by_publisher(entry: FeedEntry) -> FeedEntry:
    """Return the entry with its fields where they belong.

    The summary is the abstract, or "" if the entry has none.
    """
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
