"""Convert one feed entry of any dialect to a sighting.

Guids change, so they identify a paper only if they hold a DOI or an arXiv id. Otherwise the link does,
without fragment and tracking parameters; if several entries share a link, or it is the site's home page,
title and first author do.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from digestd.domain.paper import PaperId, Sighting, arxiv_id, doi_id
from digestd.sources.identifiers import doi_in_address, hash_id, pubmed_address, title_hash_id, unique_ids
from digestd.sources.source import Reject, make_words, read_each, web_url
from digestd.text.markup import html_to_text
from digestd.text.people import split_names

_COUNTING = re.compile(r"utm_\w+|mc_[ce]id|fbclid|gclid|msclkid|rss|af|ftcamp|xtor|dgcid", re.IGNORECASE)


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


def entry_sightings(entries: Sequence[FeedEntry], home: str) -> tuple[list[Sighting], list[Reject]]:
    """Return the sightings and rejects of a feed's entries.

    Relative addresses start at `home`.
    """
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
        _authors(entry.authors),
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
    """Return the DOIs and arXiv ids that the entry declares.

    Without any, the one in its link.
    """
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
    """Return True if a link leads to a site or journal, not to a paper."""
    return "/" not in link or link == _link(FeedEntry("", link=home), home)


def _absolute(address: str, home: str) -> str | None:
    address = address.strip()
    try:
        return web_url(urljoin(home, address)) if address else None
    except ValueError:
        return None


def _authors(given: Sequence[str]) -> list[str]:
    """Return separate names in reading order, each once: some feeds give the corresponding author again."""
    return list(dict.fromkeys(name for text in given for name in split_names(html_to_text(text))))
