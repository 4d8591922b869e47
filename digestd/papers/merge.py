"""Decide what to write for a page of sightings, given the stored papers. Pure.

The newest sighting of every source is kept. The texts of the paper come from the best of them, field by field
(`select_text`), by trust and without regard to time: the same sightings give the same paper in any order.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from digestd.domain.paper import PaperFacts, PaperId, Sighting, Words, canonical
from digestd.gists.gist import make_gist
from digestd.papers.identity import Work, group_works
from digestd.sources import source_type
from digestd.sources.identifiers import is_preprint, is_publication
from digestd.store.papers.sightings import (
    PaperState,
    PaperStatus,
    PaperText,
    PaperWrite,
    ReadableText,
    StoredSighting,
    TextKey,
    record,
)
from digestd.text.tex import to_plain

_SOURCE_TRUST = {"arxiv": 4, "arxiv-oai": 3, "import": 2, "arxiv-rss": 1, "s2-citations": -1}
"""Semantic Scholar's summaries come with our own words, which may be outdated."""
_UNSTORED_YET = datetime.max.replace(tzinfo=UTC)
NEWS = frozenset({"new", "cross"})
REPLACED = frozenset({"replace", "replace-cross"})
ARCHIVE = "archive"
"""Value of `announced` for papers imported as already known. They train the text model and are never news."""
CONFERENCE = "conference"
"""Value of `announced` for the papers of a conference, which are news only if another source says so."""
SIGNALS = "signals"
"""Value of `announced` for a sighting that only adds signals to a stored paper."""
NEWS_WINDOW = timedelta(days=7)
"""An announcement older than this is archived: back-fill trains the text model and is no news."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Changes to write, and counts of sightings.

    They count those that were new, changed something, or changed nothing.

    `refused`: the sightings that cannot be stored, and the kind of error.
    """

    changes: tuple[PaperWrite, ...] = ()
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: tuple[tuple[Sighting, str], ...] = ()


def decide(
    source: str,
    sightings: Sequence[Sighting],
    known: Sequence[PaperState],
    now: datetime,
    apart: Collection[tuple[int, int]] = (),
) -> Decision:
    """Group a page's sightings into works and return the changes. `apart`: pairs never to merge."""
    papers = {paper.key: paper for paper in known}
    described = [sighting for sighting in sightings if sighting.announced != SIGNALS]
    measured = [sighting for sighting in sightings if sighting.announced == SIGNALS]
    changes: list[PaperWrite] = []
    for work in group_works(described, {key: paper.aliases for key, paper in papers.items()}, apart):
        members = [described[position] for position in work.members]
        new = _newest(source, members)
        change = _change(work, new, [papers[key] for key in work.keys], _state_at(members, now))
        changes.append(replace(change, evidence=_named_together(source, members)) if change.absorbed else change)
    changes = _with_signals(changes, measured, known)
    created = sum(change.key is None for change in changes)
    updated = sum(change.key is not None and _is_visible(change) for change in changes)
    written = tuple(change for change in changes if _is_needed(change))
    return Decision(written, created, updated, len(sightings) - created - updated)


def merge_change(
    papers: Sequence[PaperState], created: Collection[int], by: str, evidence: str, now: datetime
) -> PaperWrite:
    """Return the change that merges stored papers into the first.

    `created`: papers stored a moment ago, which nobody has seen: they do not count as news.
    """
    before = [paper for paper in papers if paper.key not in created] or list(papers)
    news = any(not paper.status.archived for paper in papers if paper not in before)
    change = _change(_as_work(papers), [], papers, _WorkState(before, news, None, now))
    return replace(change, by=by, evidence=evidence)


def rebuild_change(paper: PaperState, now: datetime) -> PaperWrite:
    """Return the change that rebuilds a stored paper from its remaining sightings."""
    return _change(_as_work([paper]), [], [paper], _WorkState([paper], False, None, now))


def select_text(name: PaperId, sightings: Sequence[StoredSighting]) -> PaperText:
    """Return the texts of the most trusted source; gaps are filled from the next.

    A retraction notice has a title of its own, which counts only if there is no other.
    """
    ranked = [one.sighting for one in sorted(sightings, key=_trust, reverse=True)]
    scheme, _, value = name.partition(":")  # a planned digest keeps the links that are stored with the texts
    links = {"pdf": f"https://arxiv.org/pdf/{value}"} if scheme == "arxiv" else {}
    for sighting in reversed(ranked):
        links |= sighting.links
    return PaperText(
        words=Words(
            title=next((s.words.title for s in ranked if not _is_notice(s)), ranked[0].words.title),
            abstract=next((s.words.abstract for s in ranked if s.words.abstract), ""),
            authors=next((s.words.authors for s in ranked if s.words.authors), ()),
            categories=next((s.words.categories for s in ranked if s.words.categories), ()),
        ),
        url=next((s.url for s in ranked if s.url), None) or _default_url(name),
        links=dict(sorted(links.items())),
        facts=_facts(name, sightings, ranked),
        summary=next((s.summary for s in ranked if s.summary), ""),
    )


def _facts(name: PaperId, sightings: Sequence[StoredSighting], ranked: Sequence[Sighting]) -> PaperFacts:
    labels = {kind.label for one in sightings if (kind := source_type(one.source)) and not kind.label.startswith("a ")}
    announced = ranked[0].announced
    names = sorted({one for sighting in ranked for one in sighting.ids})
    doi = next(filter(is_publication, names), "")
    return PaperFacts(
        venue=next((s.venue for s in ranked if s.venue), ""),
        affiliations=next((s.affiliations for s in ranked if s.affiliations), ()),
        sources=tuple(sorted(labels | ({"arXiv"} if name.startswith("arxiv:") else set()))),
        announced=announced if announced in NEWS | REPLACED else "new",
        version=next((s.version for s in ranked if s.version), 0),
        doi=doi.removeprefix("doi:"),
        withdrawn=is_withdrawn(sightings),
        retracted=any(map(_is_retraction, sightings)),
    )


def _is_notice(sighting: Sighting) -> bool:
    return sighting.withdrawn and sighting.published is None and not sighting.words.authors


def _is_retraction(stored: StoredSighting) -> bool:
    """Return True if a publisher's record of the published article says that it was retracted."""
    ids = stored.sighting.ids
    return stored.sighting.withdrawn and not is_preprint(ids[0]) and any(map(is_publication, ids))


def is_withdrawn(sightings: Sequence[StoredSighting]) -> bool:
    """Return True if the work was withdrawn.

    arXiv's sightings of the newest version decide, all its interfaces together; without any of arXiv, one sighting of
    any source is enough. One without a version counts as of the newest if it came no earlier.
    """
    own = [one for one in sightings if _is_arxiv(one)]
    newest = max((one.sighting.version or 0 for one in own), default=0)
    since = min(
        (one.seen or _UNSTORED_YET for one in own if (one.sighting.version or 0) == newest), default=_UNSTORED_YET
    )
    counted = [
        one for one in own if (one.sighting.version or newest) == newest and (one.seen or _UNSTORED_YET) >= since
    ]
    return any(one.sighting.withdrawn for one in counted or sightings)


def is_news(sighting: Sighting, now: datetime) -> bool:
    return sighting.announced in NEWS and is_recent(sighting, now)


def is_recent(sighting: Sighting, now: datetime) -> bool:
    """Return True if its paper may be picked: announced or replaced recently, or a conference's."""
    is_old = sighting.day is not None and now.date() - sighting.day > NEWS_WINDOW
    return sighting.announced == CONFERENCE or (sighting.announced in NEWS | REPLACED and not is_old)


class ReadableTexts(dict[TextKey, ReadableText]):
    """Texts of papers converted for readers, each once."""

    def __missing__(self, key: TextKey) -> ReadableText:
        title, abstract = to_plain(key.title), to_plain(key.abstract)
        self[key] = found = ReadableText(title, abstract, make_gist(title, abstract, to_plain(key.summary)))
        return found


@dataclass(frozen=True, slots=True)
class _WorkState:
    """Facts that decide the state of a work: its papers before, and whether it is announced as news.

    `published`: the earliest date given for it.
    """

    papers: Sequence[PaperState]
    is_news: bool
    published: datetime | None
    now: datetime


def _change(work: Work, new: Sequence[StoredSighting], papers: Sequence[PaperState], state: _WorkState) -> PaperWrite:
    name = canonical([name for name in work.ids if not name.startswith("merged:")])
    current = list({(one.source, one.sighting.ids[0]): one for one in _all_sightings(papers, new)}.values())
    times = _work_times(state if state.papers else replace(state, papers=papers))
    text = select_text(name, current)
    status = PaperStatus(name, *times, text.facts.withdrawn)
    added, repeated = _split_by_known(new, papers)
    aliases = {alias for paper in papers for alias in paper.aliases}
    change = PaperWrite(
        key=None,
        status=status,
        absorbed=tuple(paper.key for paper in papers[1:]),
        new_aliases=tuple(alias for alias in work.ids if alias not in aliases),
        revised=text,
        new_sightings=added,
        repeated=repeated,
        new_signals=_signals(papers, [one.sighting for one in new]),
        is_pickable=not status.archived or any(one.sighting.announced == CONFERENCE for one in current),
    )
    return _changed(papers[0], change, text) if papers else change


def _changed(kept: PaperState, change: PaperWrite, text: PaperText) -> PaperWrite:
    """Return a change as one of a stored paper, whose text may be the same."""
    change = replace(change, key=kept.key, is_changed=kept.status != change.status)
    if text.facts.version == 1 and kept.text and not kept.text.facts.version:
        text = replace(text, facts=replace(text.facts, version=0))  # that it is the first version is no news
    if text != kept.text:
        return change
    return replace(change, revised=None, becomes_plain=text if change.is_pickable and not kept.is_plain else None)


def _split_by_known(
    new: Sequence[StoredSighting], papers: Sequence[PaperState]
) -> tuple[tuple[StoredSighting, ...], tuple[StoredSighting, ...]]:
    """Return the sightings that were never stored, and those that are stored but not as the newest."""
    newest = {(one.source, one.digest) for paper in papers for one in paper.sightings}
    older = {(one.source, one.digest) for paper in papers for one in paper.older}
    fresh = [one for one in new if (one.source, one.digest) not in newest]
    return (
        tuple(one for one in fresh if (one.source, one.digest) not in older),
        tuple(one for one in fresh if (one.source, one.digest) in older),
    )


def _work_times(state: _WorkState) -> tuple[bool, datetime, datetime]:
    """Return whether the work is archived, when it was first seen, and when it was published.

    A replacement of an unknown paper is no news; but if it is then announced as new (the day
    it was announced had been missed), it is news from now on. The date of publication stays as
    it was while the paper was news, so that an old digest can be rebuilt.
    """
    published = state.published or state.now
    if not state.papers:
        return not state.is_news, state.now, published
    in_the_news = [paper.status for paper in state.papers if not paper.status.archived]
    if in_the_news:
        return False, min(paper.first_seen for paper in in_the_news), in_the_news[0].published
    quiet = REPLACED | {CONFERENCE}
    never_news = all(one.sighting.announced in quiet for paper in state.papers for one in paper.sightings)
    if state.is_news and never_news:
        return False, state.now, published
    return True, min(paper.status.first_seen for paper in state.papers), state.papers[0].status.published


def _state_at(members: Sequence[Sighting], now: datetime) -> _WorkState:
    published = min((sighting.published for sighting in members if sighting.published), default=None)
    return _WorkState((), any(is_news(sighting, now) for sighting in members), published, now)


def _trust(stored: StoredSighting) -> tuple[bool, int, int, bool, str, str]:
    """Return the sort key: arXiv's newest version first, then by source, then by name."""
    kind = stored.source.partition(":")[0]
    own = stored.sighting.ids[0]
    is_arxiv = _is_arxiv(stored)
    version = (stored.sighting.version or 0) if is_arxiv else 0
    return is_arxiv, version, _SOURCE_TRUST.get(kind, 0), own.startswith("arxiv:"), stored.source, own


def _is_arxiv(stored: StoredSighting) -> bool:
    return stored.source.partition(":")[0].partition("-")[0] == "arxiv"


def _default_url(name: PaperId) -> str | None:
    scheme, _, value = name.partition(":")
    homes: Mapping[str, str] = {
        "arxiv": "https://arxiv.org/abs/",
        "doi": "https://doi.org/",
        "openreview": "https://openreview.net/forum?id=",
    }
    return homes[scheme] + value if scheme in homes else None


def _as_work(papers: Sequence[PaperState]) -> Work:
    names = sorted(alias for paper in papers for alias in paper.aliases)
    return Work(tuple(names), tuple(paper.key for paper in papers), ())


def _named_together(source: str, members: Sequence[Sighting]) -> str:
    together = sorted({" = ".join(sighting.ids) for sighting in members if len(sighting.ids) > 1})
    return f"{source}: {'; '.join(together)}"[:500]


def _with_signals(
    changes: list[PaperWrite], measured: Sequence[Sighting], known: Sequence[PaperState]
) -> list[PaperWrite]:
    """Add signals to the papers they name, stored or of this page; drop the others."""
    papers, stored = {paper.key: paper for paper in known}, {name: paper for paper in known for name in paper.aliases}
    places = _places(changes, known)
    found: dict[int, list[Sighting]] = {}
    for sighting in measured:
        name = next((name for name in sighting.ids if name in places or name in stored), None)
        if name is None:
            continue
        if name not in places:
            changes.append(_unchanged(stored[name]))
            places |= dict.fromkeys(stored[name].aliases, len(changes) - 1)
        found.setdefault(places[name], []).append(sighting)
    for place, added in found.items():
        change = changes[place]
        before = [papers[key] for key in (change.key, *change.absorbed) if key is not None]
        changes[place] = replace(change, new_signals={**_signals(before, added), **(change.new_signals or {})})
    return changes


def _places(changes: Sequence[PaperWrite], known: Sequence[PaperState]) -> dict[PaperId, int]:
    """Return the place of the change of each paper, by its identifiers."""
    aliases = {paper.key: paper.aliases for paper in known}
    places: dict[PaperId, int] = {}
    for place, change in enumerate(changes):
        names = change.new_aliases if change.key is None else aliases.get(change.key, ())
        places |= dict.fromkeys(names, place)
    return places


def _unchanged(paper: PaperState) -> PaperWrite:
    return PaperWrite(paper.key, paper.status)


def _newest(source: str, sightings: Iterable[Sighting]) -> list[StoredSighting]:
    """Return one sighting per identifier and version, newest last. A later line of a file wins."""
    newest: dict[tuple[PaperId, int], Sighting] = {}
    for sighting in sightings:
        place = (sighting.ids[0], sighting.version or 0)
        newest[place] = _as_news(sighting, newest.get(place))
    return [_as_stored(source, sighting) for _, sighting in sorted(newest.items(), key=lambda item: item[0])]


def _as_news(sighting: Sighting, before: Sighting | None) -> Sighting:
    if before is None or before.announced not in NEWS or sighting.announced in NEWS:
        return sighting
    return replace(sighting, announced=before.announced)


def _as_stored(source: str, sighting: Sighting) -> StoredSighting:
    fields = record(sighting)
    content = json.dumps([fields, sighting.version], sort_keys=True, ensure_ascii=False)
    return StoredSighting(source, hashlib.blake2b(content.encode(), digest_size=16).digest(), sighting, record=fields)


def _all_sightings(papers: Sequence[PaperState], new: Sequence[StoredSighting]) -> list[StoredSighting]:
    """Return stored and new sightings. The new ones are last unless their version is lower."""
    kept = [one for paper in papers for one in paper.sightings]
    if not kept:
        return list(new)
    versions = {(one.source, one.sighting.ids[0]): one.sighting.version or 0 for one in kept}
    newer = [one for one in new if (one.sighting.version or 0) >= versions.get((one.source, one.sighting.ids[0]), 0)]
    return [*kept, *newer]


def _signals(papers: Sequence[PaperState], sightings: Sequence[Sighting]) -> dict[str, float]:
    """Return the signals that differ from the latest stored ones."""
    latest: dict[str, float] = {}
    for paper in reversed(papers):
        latest |= paper.signals
    found: dict[str, float] = {}
    for sighting in sightings:
        for name, value in sighting.signals.items():
            found[name] = max(value, found.get(name, value))
    return {name: value for name, value in found.items() if latest.get(name) != value}


def _is_visible(change: PaperWrite) -> bool:
    """Return True if a reader could see the change of a stored paper."""
    return bool(change.revised or change.new_signals or change.absorbed or change.is_changed or change.becomes_plain)


def _is_needed(change: PaperWrite) -> bool:
    added = change.new_aliases or change.new_sightings or change.repeated
    return bool(change.key is None or _is_visible(change) or added)
