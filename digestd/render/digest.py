"""A digest as its templates are given it: everything cleaned, fitted and counted."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

from digestd.domain.digest import Section
from digestd.domain.mail import filled, split_at_stand_ins, stand_in_for
from digestd.domain.sanitise import clean, first_day, safe_link, safe_url, shorten
from digestd.render.content import Before, DigestContent, DigestLinks, Item
from digestd.render.shown import Fit, Fitted, Gap, Shown, fitted, gaps, read_by

NAME_MAX = 60
POSTAL_MAX = 300
_PREHEADER_MAX = 140
_FRIDAY = 4
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PaperLinks:
    """The link of each paper: that of the first with the stand-in of another, or with its token if there are any."""

    links: DigestLinks
    tokens: tuple[str, ...]

    def of(self, place: int) -> str:
        """Return where something is said of the paper at a place, from 0."""
        own = stand_in_for(self.links.of_papers + place, self.links.feedback, self.links.of_papers)
        return safe_link(filled(own, self.tokens)) if self.tokens else own


@dataclass(eq=False)
class Digest:
    """The values for the templates of a digest: these fields but the last five, `papers` and `sections`.

    `left`: papers that did not fit. `tomorrow`: the next digest certainly comes the day after. `feedback`: where
    something is said of the first paper (each has its own), in a link each unless `is_brief`. `mute`: where something
    of a paper is muted, by its place from 1. `manage`: where a reader of the page asks for a link. `picked`: the
    papers, `reasons`: why each was, in words; `structure`: how many are in each section; `tokens`: what the links
    have instead of their stand-ins; `paper_links`: the link of each paper.
    """

    list_name: str
    name: str
    day: date
    first_day: date
    since: date | None
    weekly: bool
    tomorrow: bool
    trending: bool
    considered: int
    count: int
    left: int
    gaps: tuple[Gap, ...]
    first: str
    preheader: str
    postal_address: str
    view: str
    unsubscribe: str
    home: str
    feedback: str
    mute: str
    is_brief: bool
    settings: str
    mail: str
    replies: bool
    manage: str
    held: tuple[Before, ...]
    subject: str
    heading: str
    lead: str
    picked: list[Fitted]
    reasons: list[str]
    structure: tuple[tuple[str, int], ...]
    tokens: tuple[str, ...]
    paper_links: "PaperLinks"

    @cached_property
    def papers(self) -> tuple[Shown, ...]:
        """All papers, in the order of their places."""
        return tuple(
            read_by(paper, reason, place, self.paper_links.of(place))
            for place, (paper, reason) in enumerate(zip(self.picked, self.reasons, strict=True))
        )

    @cached_property
    def sections(self) -> tuple[tuple[str, tuple[Shown, ...]], ...]:
        """The papers of each section that has any."""
        ends = [0]
        for _, count in self.structure:
            ends.append(ends[-1] + count)
        return tuple(
            (name, self.papers[begin:end])
            for (name, _), begin, end in zip(self.structure, ends, ends[1:], strict=False)
        )


FIELDS = frozenset(Digest.__dataclass_fields__) - {"picked", "reasons", "structure", "tokens", "paper_links"}
"""What a template may read of a digest, but for its papers."""
LINKS = ("view", "unsubscribe", "feedback", "mute", "settings", "mail")
"""The fields that stand-ins may be in."""


def digest(content: DigestContent, fit: Fit, said: Mapping[int, str], *, whole: bool) -> Digest:
    """The digest within a fit, for its lines still to be written.

    `said`: its reasons in words, by their ids: the same few stand for several papers. `whole`: no stand-ins.
    """
    items = content.items[: fit.papers]
    sections = _sections(items)
    places = items if len(sections) == 1 else [item for _, chosen in sections for item in chosen]
    picked = [fitted(entry, fit) for entry, _, _ in places]
    weekly = "-W" in content.period
    tokens = content.tokens if not whole and all(map(_TOKEN.fullmatch, content.tokens)) else ()
    is_any = bool(tokens) or not content.tokens
    links = _of_any(content.links) if is_any else _of_one(content.links, content.tokens)
    return Digest(
        list_name=tidy(content.list_name, NAME_MAX),
        name=tidy(content.subscriber_name, NAME_MAX),
        day=content.date,
        first_day=first_day(content.period),
        since=first_day(content.covers_from) if content.covers_from != content.period else None,
        weekly=weekly,
        tomorrow=not weekly and content.date.weekday() != _FRIDAY,  # of some, a week has five days
        trending=_are_trending(content.items),
        considered=content.considered if content.considered > len(content.items) else 0,
        count=len(content.items),
        left=len(content.items) - len(items),
        gaps=gaps(content.coverage) if content.coverage else (),
        first=shorten(picked[0].title, 90) if picked else "",
        preheader=_preheader(picked),
        postal_address=tidy(content.postal_address, POSTAL_MAX),
        view=links.view,
        unsubscribe=links.unsubscribe,
        home=links.home,
        feedback=links.feedback,
        mute=f"{links.mute}/{content.period}" if links.mute else "",
        is_brief=fit.is_brief,
        settings=links.settings,
        mail=links.mail,
        replies=links.replies,
        manage=links.manage,
        held=tuple([Before(before.date, safe_url(before.view)) for before in content.held]) if content.held else (),
        subject="",
        heading="",
        lead="",
        picked=picked,
        reasons=[said[id(reason)] for _, reason, _ in places],
        structure=tuple([(section.value, len(chosen)) for section, chosen in sections]),
        tokens=tokens,
        paper_links=PaperLinks(links, ()) if is_any else PaperLinks(content.links, content.tokens),
    )


@lru_cache(maxsize=4096)
def tidy(text: str, limit: int) -> str:
    """Cleaned and cut to so many characters."""
    return shorten(clean(text), limit)


def _are_trending(items: tuple[Item, ...]) -> bool:
    return items[0].section is Section.TRENDING and all(item.section is Section.TRENDING for item in items)


def _sections(items: tuple[Item, ...]) -> list[tuple[Section, Sequence[Item]]]:
    """The items of each section that has any; those of a digest mostly are of one."""
    of = [item.section for item in items]
    if of.count(of[0]) == len(of):
        return [(of[0], items)]
    return [(section, [item for item in items if item.section is section]) for section in Section if section in of]


def _preheader(papers: list[Fitted]) -> str:
    others = " · ".join([paper.title for paper in papers[1:5]])
    return shorten(others or (papers[0].abstract if papers else ""), _PREHEADER_MAX)


@lru_cache(maxsize=64)
def _of_any(links: DigestLinks) -> DigestLinks:
    """The links as they are shown in every mail, tokens still to come."""
    return _safe(links, lambda url: url if safe_link(_with_any_tokens(url)) else "")


def _with_any_tokens(url: str) -> str:
    words, tokens = split_at_stand_ins(url)
    return "".join([*(word + "A" * length for word, (_, length) in zip(words, tokens, strict=False)), words[-1]])


def _of_one(links: DigestLinks, tokens: tuple[str, ...]) -> DigestLinks:
    """The links as they are shown in one mail."""
    return _safe(links, lambda url: safe_link(filled(url, tokens)))


def _safe(links: DigestLinks, safe: Callable[[str], str]) -> DigestLinks:
    return DigestLinks(
        view=safe(links.view),
        unsubscribe=safe(links.unsubscribe),
        home=safe_url(links.home),
        feedback=safe(links.feedback),
        mute=safe(links.mute),
        settings=safe(links.settings),
        mail=safe(links.mail),
        replies=links.replies,
        manage=safe_url(links.manage),
        of_papers=links.of_papers,
    )
