"""Tell what changed about papers since their readers saved them: the difference of two revisions."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import structlog
from sqlmodel import Session

from digestd.domain.digest import Change, ChangeKind, SavedNews
from digestd.domain.paper import Paper, PaperFacts
from digestd.mail.paper_view import PaperView
from digestd.ranking.text import STOP_WORDS
from digestd.store import papers, saved_news
from digestd.store.bulk import chunks
from digestd.text.tex import to_plain

NEWS_MAX = 3
"""Lines of a digest."""
_FIGURES_MAX = 2
"""So many figures of an abstract are named if nothing else of it changed."""
_COMMON_MIN = 0.5
"""With fewer words in common, an abstract is rewritten."""
_PREPRINT_SERVERS = ("corr", "ssrn", "hal", "authorea", "research square", "qeios", "osf", "zenodo", "figshare")
"""Besides those whose names end with "rxiv" or have "preprint" in them."""
_NOT_PUBLISHED = re.compile(
    r"submi|under (?:[\w-]+ )?review|in review|reject|withdraw|retract|unpublished"
    r"|accepted|in press|forthcoming|to appear|to be published|will (?:appear|be published)"
    rf"|preprint|eprint|working paper|\w*rxiv\b|\b(?:{'|'.join(_PREPRINT_SERVERS)})\b",
    re.IGNORECASE,
)
"""In the venue of papers that are under review, or refused; that will be published; that are on a preprint server."""
_LINKS = {"code": ChangeKind.CODE, "project": ChangeKind.PROJECT}
_FIGURE_LENGTH = 30
_WORD = re.compile(r"[-−+]?\d+(?:[.,]\d+)*|[^\W\d_]+")
_EDGES = " .,;:()[]“”\"'"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ShardNews:
    """The news of subscribers, most important first.

    `silent`: by subscriber and number of what they said, the revisions to note as known without a word.
    """

    lines: Mapping[int, Sequence[SavedNews]] = field(default_factory=dict)
    silent: Mapping[int, Mapping[int, int]] = field(default_factory=dict)

    def of(self, subscriber: int, *, is_sent: bool) -> tuple[SavedNews, ...]:
        """Return the news for a digest. One that is not sent anyway is only for papers that were withdrawn."""
        found = tuple(self.lines.get(subscriber, ()))[:NEWS_MAX]
        return found if is_sent or any(one.is_withdrawn for one in found) else ()

    def known(self, subscriber: int, told: Sequence[SavedNews]) -> dict[int, int]:
        """Return the revisions that a subscriber knows once this news is told."""
        return {**self.silent.get(subscriber, {}), **{one.saved: one.current for one in told}}


def read_news(session: Session, subscribers: Sequence[int]) -> ShardNews:
    """Return what changed about the papers that these subscribers saved."""
    lines: dict[int, list[SavedNews]] = {}
    silent: dict[int, dict[int, int]] = {}
    compared: dict[tuple[int, int], SavedNews | None] = {}
    for found in chunks(saved_news.changed(session, subscribers)):
        pairs = {(one.known, one.current) for one in found} - compared.keys()
        read = papers.revisions(session, {revision for pair in pairs for revision in pair})
        compared |= {pair: _news(read[pair[0]], read[pair[1]]) for pair in pairs if read.keys() >= {*pair}}
        for one in found:
            news, theirs = compared.get((one.known, one.current)), lines.setdefault(one.subscriber, [])
            if news and all(other.current != one.current for other in theirs):
                theirs.append(news._replace(saved=one.saved, known=one.known, current=one.current))
            else:
                silent.setdefault(one.subscriber, {})[one.saved] = one.current
    return ShardNews({who: sorted(one, key=lambda one: not one.is_withdrawn) for who, one in lines.items()}, silent)


def _news(before: Paper, after: Paper) -> SavedNews | None:
    """Return the changes of a paper, if any; None if a revision is damaged, which must not stop the others."""
    try:
        old, new = PaperView.of(before), PaperView.of(after)
        changes = tuple(_changes(before, after, old, new))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        _log.error("a revision is damaged, so no news of its paper", paper=after.key, kind=type(error).__name__)
        return None
    return SavedNews(old.title, new.url, changes) if changes else None


def _changes(before: Paper, after: Paper, old: PaperView, new: PaperView) -> Iterator[Change]:
    was, now = before.facts, after.facts
    yield from _withdrawal(was, now)
    if now.withdrawn:
        return
    is_newer = 0 < was.version < now.version
    if is_newer or _is_of_one_source(was, now):
        titles = [Change(ChangeKind.TITLE, new.title)] if _words(old.title) != _words(new.title) else []
        texts = [*titles, *_abstracts(before.words.abstract, after.words.abstract)]
        if is_newer:
            yield Change(ChangeKind.VERSION, str(now.version))
            texts = texts or [Change(ChangeKind.SAME_TEXT)]
        yield from texts
    if _is_published(now) and not _is_published(was) and (now.doi or not was.venue_unread):
        doi = now.doi and f"https://doi.org/{quote(now.doi, safe='/')}"
        yield Change(ChangeKind.PUBLISHED, "" if _NOT_PUBLISHED.search(now.venue) else now.venue, url=doi)
    for kind, change in _LINKS.items():
        if (url := new.link(kind)) and not old.link(kind):
            yield Change(change, url=url)


def _withdrawal(was: PaperFacts, now: PaperFacts) -> Iterator[Change]:
    if now.withdrawn and not was.withdrawn:
        yield Change(ChangeKind.WITHDRAWN)
    elif now.retracted and not was.retracted:
        yield Change(ChangeKind.RETRACTED)
    elif (was.withdrawn or was.retracted) and not (now.withdrawn or now.retracted):
        yield Change(ChangeKind.REINSTATED)


def _is_of_one_source(was: PaperFacts, now: PaperFacts) -> bool:
    """Return True if texts differ because their source changed them, not because another source is trusted more."""
    return was.sources == now.sources and len(now.sources) <= 1 and was.version == now.version == 0


def _is_published(facts: PaperFacts) -> bool:
    return bool(facts.doi) or (bool(facts.venue) and not _NOT_PUBLISHED.search(facts.venue))


def _abstracts(before: str, after: str) -> Iterator[Change]:
    """Yield what changed of an abstract as its source writes it: figures alone, or how much of it."""
    if not before or not after or before.split() == after.split():
        return
    before, after = to_plain(before), to_plain(after)
    if _words(before) == _words(after):
        return
    old, new = before.split(), after.split()
    pairs = enumerate(zip(old, new, strict=False))
    places = [place for place, (one, other) in pairs if one.strip(_EDGES) != other.strip(_EDGES)]
    figures = [(_figure(old, place), _figure(new, place)) for place in places]
    if len(old) == len(new) and len(figures) <= _FIGURES_MAX and all(map(all, figures)):
        yield from (Change(ChangeKind.FIGURE, figure, former) for former, figure in figures)
        return
    old, new = _words(before), _words(after)
    common = (Counter(old) & Counter(new)).total()
    is_rewritten = common < _COMMON_MIN * max(len(old), len(new))
    yield Change(ChangeKind.REWRITTEN if is_rewritten else ChangeKind.PARTLY)


def _figure(words: Sequence[str], place: int) -> str:
    """Return the figure at a place with the word after it, which may be its unit; empty if there is no figure."""
    figure = words[place].strip(_EDGES)
    if not any(map(str.isdigit, figure)) or len(figure) > _FIGURE_LENGTH:
        return ""
    unit = words[place + 1].strip(_EDGES) if words[place][-1:].isdigit() and place + 1 < len(words) else ""
    is_shown = 0 < len(unit) <= _FIGURE_LENGTH and unit.casefold() not in STOP_WORDS
    return f"{figure} {unit}" if is_shown else figure


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
