"""What to write of a page of sightings, given what is known. Pure.

Each source's newest word on a paper stands beside the others'. The paper's own words are taken
from the best of them, field by field, by a rule that knows no time: the same sightings give the
same paper in whatever order they come.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digestd.domain.paper import PaperId, Sighting, Words, canonical
from digestd.ingest.identity import Work, works
from digestd.store.sightings import Change, Known, Said, Text, record

NEWS = frozenset({"new", "cross"})
REPLACED = frozenset({"replace", "replace-cross"})
ARCHIVE = "archive"
"""Announced as: imported as already known; it trains the text model and is never news."""

_ARXIV = frozenset({"arxiv", "arxiv-rss"})
_TRUST = {"arxiv": 3, "import": 2, "arxiv-rss": 1}


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write, and how many of the sightings were new, changed something, or changed nothing."""

    changes: tuple[Change, ...] = ()
    new: int = 0
    updated: int = 0
    unchanged: int = 0


def decide(source: str, sightings: Sequence[Sighting], known: Sequence[Known], now: datetime) -> Decision:
    """Group a page's sightings into works and say what each changes."""
    papers = {paper.key: paper for paper in known}
    found = works(sightings, {key: paper.aliases for key, paper in papers.items()})
    changes: list[Change] = []
    new = updated = 0
    for work in found:
        said = _newest(source, [sightings[position] for position in work.members])
        change = _change(work, said, [papers[key] for key in work.keys], now)
        changes.append(change)
        new += change.key is None
        updated += change.key is not None and _shows(change)
    written = tuple(change for change in changes if _writes(change))
    return Decision(written, new, updated, len(sightings) - new - updated)


def _newest(source: str, sightings: Iterable[Sighting]) -> list[Said]:
    """One word per identifier: of a higher version, else what came last (a file's later line corrects)."""
    newest: dict[PaperId, Sighting] = {}
    for sighting in sightings:
        before = newest.get(sighting.ids[0])
        if before is None or (sighting.version or 0) >= (before.version or 0):
            newest[sighting.ids[0]] = _as_news(sighting, before)
    return [Said(source, digest(sighting), sighting) for _, sighting in sorted(newest.items())]


def _as_news(sighting: Sighting, before: Sighting | None) -> Sighting:
    """The later sighting, but news if either is."""
    if before is None or before.announced not in NEWS or sighting.announced in NEWS:
        return sighting
    return Sighting(
        sighting.ids, sighting.words, sighting.published, sighting.version, before.announced,
        sighting.url, sighting.links, sighting.signals,
    )  # fmt: skip


def digest(sighting: Sighting) -> bytes:
    """A hash of all a sighting says but its signals."""
    said = json.dumps([record(sighting), sighting.version], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(said.encode(), digest_size=16).digest()


def _change(work: Work, said: Sequence[Said], papers: Sequence[Known], now: datetime) -> Change:
    kept = papers[0] if papers else None
    name = canonical([name for name in work.ids if not name.startswith("merged:")])
    said_now = {(one.source, one.sighting.ids[0]): one for one in _all_said(papers, said)}
    text = _text(name, list(said_now.values()))
    archived, first_seen, published = _standing(papers, said, now)
    aliases = {alias for paper in papers for alias in paper.aliases}
    held = {(one.source, one.digest) for paper in papers for one in paper.said}
    older = {one for paper in papers for one in paper.older}
    fresh = [one for one in said if (one.source, one.digest) not in held]
    return Change(
        key=kept.key if kept else None,
        id=name,
        archived=archived,
        first_seen=first_seen,
        published=published,
        absorbed=tuple(paper.key for paper in papers[1:]),
        aliases=tuple(alias for alias in work.ids if alias not in aliases),
        text=text if kept is None or text != kept.text else None,
        said=tuple(one for one in fresh if (one.source, one.digest) not in older),
        again=tuple(one for one in fresh if (one.source, one.digest) in older),
        signals=_signals(papers, said),
        restated=kept is not None
        and (kept.id, kept.archived, kept.first_seen, kept.published) != (name, archived, first_seen, published),
    )


def _all_said(papers: Sequence[Known], said: Sequence[Said]) -> list[Said]:
    """What is kept and what comes in; what comes in last, unless of a lower version."""
    kept = [one for paper in papers for one in paper.said]
    versions = {(one.source, one.sighting.ids[0]): one.sighting.version or 0 for one in kept}
    new = [one for one in said if (one.sighting.version or 0) >= versions.get((one.source, one.sighting.ids[0]), 0)]
    return [*kept, *new]


def _standing(papers: Sequence[Known], said: Sequence[Said], now: datetime) -> tuple[bool, datetime, datetime]:
    """Whether the work is archived, when it was first seen as what it is, and when it was published.

    A replacement of an unknown paper is no news; but if it is then announced as new (the day
    it was announced had been missed), it is news from now on. The date of publication stays as
    it was while the paper was news, so that an old digest can be rebuilt.
    """
    is_news = any(one.sighting.announced in NEWS for one in said)
    published = min((one.sighting.published for one in said if one.sighting.published), default=now)
    if not papers:
        return not is_news, now, published
    in_the_news = [paper for paper in papers if not paper.archived]
    if in_the_news:
        return False, min(paper.first_seen for paper in in_the_news), in_the_news[0].published
    only_replaced = all(one.sighting.announced in REPLACED for paper in papers for one in paper.said)
    if is_news and only_replaced:
        return False, now, published
    return True, min(paper.first_seen for paper in papers), papers[0].published


def _signals(papers: Sequence[Known], said: Sequence[Said]) -> dict[str, float]:
    """The values that differ from the latest known."""
    latest: dict[str, float] = {}
    for paper in reversed(papers):
        latest |= paper.signals
    found: dict[str, float] = {}
    for one in said:
        for name, value in one.sighting.signals.items():
            found[name] = max(value, found.get(name, value))
    return {name: value for name, value in found.items() if latest.get(name) != value}


def _text(name: PaperId, said: Sequence[Said]) -> Text:
    """The words of the most trusted; what it leaves open is taken from the next."""
    ranked = [one.sighting for one in sorted(said, key=_trust, reverse=True)]
    links = _files(name)
    for sighting in reversed(ranked):
        links |= sighting.links
    return Text(
        words=Words(
            title=ranked[0].words.title,
            abstract=next((s.words.abstract for s in ranked if s.words.abstract), ""),
            authors=next((s.words.authors for s in ranked if s.words.authors), ()),
            categories=next((s.words.categories for s in ranked if s.words.categories), ()),
        ),
        url=next((s.url for s in ranked if s.url), None) or _home(name),
        links=dict(sorted(links.items())),
    )


def _trust(said: Said) -> tuple[bool, int, int, bool, str, str]:
    """arXiv's own word first, of the newest version; then by source; ties by name."""
    kind = said.source.partition(":")[0]
    own = said.sighting.ids[0]
    is_arxiv = kind in _ARXIV
    version = (said.sighting.version or 0) if is_arxiv else 0
    return is_arxiv, version, _TRUST.get(kind, 0), own.startswith("arxiv:"), said.source, own


def _home(name: PaperId) -> str | None:
    scheme, _, value = name.partition(":")
    homes: Mapping[str, str] = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}
    return homes[scheme] + value if scheme in homes else None


def _files(name: PaperId) -> dict[str, str]:
    """Kept with the words, so that a planned digest leads where it led when it was planned."""
    scheme, _, value = name.partition(":")
    return {"pdf": f"https://arxiv.org/pdf/{value}"} if scheme == "arxiv" else {}


def _shows(change: Change) -> bool:
    """Whether a reader could see the change of a known paper."""
    return bool(change.text or change.signals or change.absorbed or change.restated)


def _writes(change: Change) -> bool:
    return bool(change.key is None or _shows(change) or change.aliases or change.said or change.again)
