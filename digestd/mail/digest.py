"""Render digests as subject, text and HTML from parts that mails share.

The parts are templates: the frame (`email/digest.html.j2`, and `.txt.j2` for the text), a section's heading
(`digest.section`) and a paper (`digest.paper`). A part is rendered with the values that many mails share, and with
slots for values of one subscriber (see `fragments`). The frozen value that a part depends on is also its cache key.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from jinja2 import Environment

from digestd.domain.digest import Reason, ReasonKind, Section
from digestd.domain.group import Colleagues
from digestd.domain.sanitise import first_day, safe_url, shorten, wrap
from digestd.errors import BadInput, BadSetting
from digestd.mail.content import DigestContent, DigestItem, DigestLinks, EarlierDigest, PaperContent, Rendered
from digestd.mail.fragments import HTML, TEXT, Body, BodyFormat, Fragment, Value, slot, token_value, value
from digestd.mail.rendering import (
    NAME_MAX,
    POSTAL_MAX,
    clean_line,
    render_colleagues,
    render_line,
    render_sentence,
    render_template,
)
from digestd.mail.templates import Templates
from digestd.mail.view_models import (
    DETAIL_LEVELS,
    HTML_MAX,
    CoverageGap,
    DetailLevel,
    PaperView,
    coverage_gaps,
    view_paper,
)

_FIRST_TITLE_MAX = 90
_PREHEADER_MAX = 140
_BULLET_COLUMNS = 2
"""Columns that the text template may print before a reason: an arrow and a space."""
_FRIDAY = 4
_TOKENS = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class DigestSummary:
    """The variable `digest` in the templates of subject, heading and lead.

    Attributes:
        name: A slot for the subscriber's name; empty if they gave none.
        tomorrow: Whether the next digest certainly comes the next day.
        considered: How many papers it was chosen from; 0 hides the number.
        gaps: Incomplete sources.
        first: A slot for the title of the first paper.
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
    gaps: tuple[CoverageGap, ...]
    first: str = slot("first")


@dataclass(frozen=True, slots=True)
class DigestFrame:
    """The variable `frame` in the template of a frame.

    Links other than `home` and `manage` are slots, or empty if there is no such link; see DigestLinks.

    Attributes:
        left: How many papers did not fit.
        papers: A slot for the sections and papers.
    """

    list_name: str
    postal_address: str
    heading: str
    left: int
    held: tuple[EarlierDigest, ...]
    view: str
    unsubscribe: str
    settings: str
    mail: str
    home: str
    manage: str
    replies: bool
    subject: str = slot("subject")
    preheader: str = slot("preheader")
    lead: str = slot("lead")
    papers: str = slot("papers")


@dataclass(frozen=True, slots=True, eq=False)
class PickLinks:
    """The variable `pick` in the template of a paper. Its strings are slots, or empty.

    Attributes:
        feedback: The feedback page of this paper.
        mute: The page for muting.
        mail: The address for commands, if there are no web pages.
        is_brief: Whether to print one link for all feedback instead of one link each.
        is_numbered: Whether to print numbers, because replies refer to papers by number.
    """

    feedback: str
    mute: str
    mail: str
    is_brief: bool
    is_numbered: bool
    number: str = slot("number")
    reason: str = slot("reason")


@dataclass(frozen=True, slots=True)
class AssembledDigest:
    """A digest as subject and encoded bodies."""

    subject: str
    text: Body
    html: Body

    @property
    def rendered(self) -> Rendered:
        """Return the digest as plain strings."""
        return Rendered(self.subject, str(self.text), str(self.html))


def render_digest(templates: Templates, content: DigestContent, html_max: int = HTML_MAX) -> Rendered:
    """Return a digest as plain strings; see `assemble_digest`."""
    return assemble_digest(templates, content, html_max).rendered


def assemble_digest(templates: Templates, content: DigestContent, html_max: int = HTML_MAX) -> AssembledDigest:
    """Return a digest whose encoded HTML has at most `html_max` bytes.

    Papers are shortened as needed.

    The text part, which no mail reader clips, always has every paper.
    """
    environment = templates.environment(content.language)
    for fit in DETAIL_LEVELS:
        draft = _draft(environment, content, fit, content.items[: fit.papers])
        html = Body([(part.html, values) for part, values in draft.parts])
        if html.size <= html_max:
            break
    if fit.papers < len(content.items):
        draft = _draft(environment, content, fit, content.items)
    return AssembledDigest(draft.subject, Body([(part.text, values) for part, values in draft.parts]), html)


class _Part(NamedTuple):
    """A part of a digest, in both formats."""

    html: Fragment
    text: Fragment


class _Lines(NamedTuple):
    """The lines of one digest, as plain text."""

    subject: str
    heading: str
    lead: str
    preheader: str


class _Draft(NamedTuple):
    """A digest at one level of detail: subject, and parts with their values."""

    subject: str
    parts: Sequence[tuple[_Part, Mapping[str, Value]]]


def _draft(environment: Environment, content: DigestContent, fit: DetailLevel, items: Sequence[DigestItem]) -> _Draft:
    items, links = _in_sections(items), content.links
    lines = _lines(environment, content, [view_paper(item.paper, fit) for item in items[:5]])
    values = _values(content, lines)
    mute, mail = values["mute"], values["mail"]
    head, foot = _frame_parts(environment, _frame(content, lines.heading, len(content.items) - len(items)))
    pick = _pick_links(links.feedback, bool(links.mute), _gives_feedback_by_mail(links), fit.is_brief, links.replies)
    tokens = _tokens(links) if links.feedback else [value("")] * len(items)
    parts = [(head, values)]
    section = None
    for number, item in enumerate(items, 1):
        if item.section is not section:
            section = item.section
            parts.append((_section(environment, section), {}))
        own = {
            "reason": _reason(environment, item.reason, item.colleagues),
            "number": _number(number),
            "token": tokens[number - 1],
            "mute": mute,
            "mail": mail,
        }
        parts.append((_paper(environment, item.paper, fit, pick), own))
    return _Draft(lines.subject, [*parts, (foot, values)])


def _in_sections(items: Sequence[DigestItem]) -> Sequence[DigestItem]:
    """Sort the items by section."""
    if len({item.section for item in items}) == 1:
        return items
    return [item for section in Section for item in items if item.section is section]


def _lines(environment: Environment, content: DigestContent, first: Sequence[PaperView]) -> _Lines:
    """Render the one-line texts of a digest that begins with these papers."""
    name = clean_line(content.subscriber_name, NAME_MAX)
    subject, heading, lead = _summary_lines(environment, _summary(content, slot("name") if name else ""))
    values = {"name": value(name), "first": value(shorten(first[0].title, _FIRST_TITLE_MAX))}
    preheader = " · ".join([paper.title for paper in first[1:]]) or first[0].abstract
    return _Lines(subject.fill(values), heading.fill(values), lead.fill(values), shorten(preheader, _PREHEADER_MAX))


def _summary(content: DigestContent, name: str) -> DigestSummary:
    weekly = "-W" in content.period
    return DigestSummary(
        list_name=clean_line(content.list_name, NAME_MAX),
        name=name,
        day=content.date,
        first_day=first_day(content.period),
        since=first_day(content.covers_from) if content.covers_from != content.period else None,
        weekly=weekly,
        tomorrow=not weekly and content.date.weekday() != _FRIDAY,  # some sources have five days a week
        trending=all(item.section is Section.TRENDING for item in content.items),
        considered=content.considered if content.considered > len(content.items) else 0,
        count=len(content.items),
        gaps=coverage_gaps(content.coverage) if content.coverage else (),
    )


@lru_cache(maxsize=4096)
def _summary_lines(environment: Environment, summary: DigestSummary) -> tuple[Fragment, Fragment, Fragment]:
    subject, heading, lead = (
        Fragment(render_line(environment, f"email/digest.{name}.txt.j2", digest=summary), TEXT)
        for name in ("subject", "heading", "lead")
    )
    return subject, heading, lead


def _gives_feedback_by_mail(links: DigestLinks) -> bool:
    """Return True if feedback is given by mail, because there are no web pages."""
    return bool(links.mail) and not links.home


def _values(content: DigestContent, lines: _Lines) -> dict[str, Value]:
    links = content.links
    return {
        "subject": value(lines.subject),
        "preheader": value(lines.preheader),
        "lead": value(lines.lead, wrap(lines.lead)),
        "view": value(links.view),
        "unsubscribe": value(links.unsubscribe),
        "settings": value(links.settings),
        "mail": value(links.mail),
        "mute": value(f"{links.mute}/{content.period}"),
        **{f"held{n}": value(safe_url(before.view)) for n, before in enumerate(content.held)},
    }


def _tokens(links: DigestLinks) -> Sequence[Value]:
    if not _TOKENS.fullmatch("".join(links.tokens)):
        raise BadInput("a token contains characters that a link would have to escape; please report this as a bug")
    return [token_value(token) for token in links.tokens]


def _frame(content: DigestContent, heading: str, left: int) -> DigestFrame:
    links = content.links
    return DigestFrame(
        list_name=clean_line(content.list_name, NAME_MAX),
        postal_address=clean_line(content.postal_address, POSTAL_MAX),
        heading=heading,
        left=left,
        held=tuple([EarlierDigest(before.date, slot(f"held{n}")) for n, before in enumerate(content.held)]),
        view=_slot_if(links.view, "view"),
        unsubscribe=_slot_if(links.unsubscribe, "unsubscribe"),
        settings=_slot_if(links.settings, "settings"),
        mail=_slot_if(links.mail, "mail"),
        home=safe_url(links.home),
        manage=safe_url(links.manage),
        replies=links.replies,
    )


def _slot_if(link: str, name: str) -> str:
    return slot(name) if link else ""


@lru_cache(maxsize=64)  # one object per combination, because PickLinks is compared by identity
def _pick_links(feedback: str, mute: bool, mail: bool, is_brief: bool, is_numbered: bool) -> PickLinks:
    return PickLinks(
        feedback=f"{safe_url(feedback)}{slot('token')}" if feedback else "",
        mute=slot("mute") if mute else "",
        mail=slot("mail") if mail else "",
        is_brief=is_brief,
        is_numbered=is_numbered,
    )


@lru_cache(maxsize=8192)  # many subscribers share interests
def _reason(environment: Environment, reason: Reason, colleagues: Colleagues) -> Value:
    text = render_sentence(environment, reason)
    if colleagues.total:
        told = render_colleagues(environment, colleagues)
        text = told if reason.kind is ReasonKind.GROUP_LIKES else f"{text} · {told}"
    return value(text, wrap("x" * _BULLET_COLUMNS + text, 72)[_BULLET_COLUMNS:])


@lru_cache(maxsize=256)
def _number(number: int) -> Value:
    return value(str(number))


@lru_cache(maxsize=512)
def _frame_parts(environment: Environment, frame: DigestFrame) -> tuple[_Part, _Part]:
    """Render the frame and return the parts before and after the papers."""
    html, text = (_around_papers(environment, form, frame) for form in (HTML, TEXT))
    return _Part(html[0], text[0]), _Part(html[1], text[1])


def _around_papers(environment: Environment, form: BodyFormat, frame: DigestFrame) -> tuple[Fragment, Fragment]:
    name = f"email/digest{form.suffix}"
    parts = render_template(environment, name, frame=frame).split(frame.papers)
    if len(parts) != 2:
        raise BadSetting(f"template {name} must print frame.papers once")
    return Fragment(parts[0], form), Fragment(parts[1], form)


@lru_cache(maxsize=256)
def _section(environment: Environment, section: Section) -> _Part:
    return _part(environment, "email/digest.section", section=section.value)


@lru_cache(maxsize=4096)
def _paper(environment: Environment, entry: PaperContent, fit: DetailLevel, pick: PickLinks) -> _Part:
    return _part(environment, "email/digest.paper", paper=view_paper(entry, fit), pick=pick)


def _part(environment: Environment, name: str, **values: object) -> _Part:
    html, text = (Fragment(render_template(environment, name + form.suffix, **values), form) for form in (HTML, TEXT))
    return _Part(html, text)
