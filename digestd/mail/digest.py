"""A digest as subject, text and HTML: each part rendered once, and joined for each reader.

The parts are templates: the frame (`email/digest.html.j2`, and `.txt.j2` for the text), a section's heading
(`digest.section`) and a paper (`digest.paper`). A part is rendered with values that many mails share and with slots
for a reader's own (see `fragments`). What a part depends on is a frozen value, which is also the key of its cache.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from jinja2 import Environment

from digestd.domain.digest import Reason, Section
from digestd.domain.sanitise import first_day, safe_url, shorten, wrap
from digestd.errors import BadInput, BadSetting
from digestd.mail.content import Before, DigestContent, DigestLinks, Entry, Item, Rendered
from digestd.mail.fragments import HTML, TEXT, Body, Format, Fragment, Value, slot, token_value, value
from digestd.mail.rendering import NAME_MAX, POSTAL_MAX, line, printed, sentence, tidy
from digestd.mail.templates import Templates
from digestd.mail.view_models import FITS, HTML_MAX, Fit, Fitted, Gap, fitted, gaps

_FIRST_MAX = 90
_PREHEADER_MAX = 140
_BULLET_COLUMNS = 2
"""What the text part may print before a reason, as an arrow and a blank."""
_FRIDAY = 4
_TOKENS = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Summary:
    """What the templates of subject, heading and lead are given, as `digest`.

    `considered`: how many papers it was chosen from, 0 if that is not said. `tomorrow`: the next digest certainly
    comes the day after. `gaps`: sources that were not complete. `name` and `first`, the title of the first paper, are
    slots; `name` is empty if the subscriber gave none.
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
    gaps: tuple[Gap, ...]
    first: str = slot("first")


@dataclass(frozen=True, slots=True)
class Frame:
    """What the template of a frame is given, as `frame`.

    `left`: papers that did not fit. `papers`: where sections and papers go. `home` and `manage`: see DigestLinks. The
    other links are slots, or empty if there is no such link; so are subject, preheader, lead and papers.
    """

    list_name: str
    postal_address: str
    heading: str
    left: int
    held: tuple[Before, ...]
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
class Pick:
    """What the template of a paper is given besides the paper, as `pick`. Its strings are slots, or empty.

    `feedback`: the page about this paper; one link leads there if `is_brief`. `mute`: where the reader's papers are
    muted. `mail`: the address for commands, if there are no pages. `is_numbered`: a reply names papers by number.
    """

    feedback: str
    mute: str
    mail: str
    is_brief: bool
    is_numbered: bool
    number: str = slot("number")
    reason: str = slot("reason")


@dataclass(frozen=True, slots=True)
class Assembled:
    """One digest, ready to be sent."""

    subject: str
    text: Body
    html: Body

    @property
    def rendered(self) -> Rendered:
        """The same as plain strings."""
        return Rendered(self.subject, str(self.text), str(self.html))


def render_digest(templates: Templates, content: DigestContent, html_max: int = HTML_MAX) -> Rendered:
    """Return a digest as plain strings; see `assemble_digest`."""
    return assemble_digest(templates, content, html_max).rendered


def assemble_digest(templates: Templates, content: DigestContent, html_max: int = HTML_MAX) -> Assembled:
    """Return a digest, with as much of each paper as keeps the encoded HTML within `html_max` bytes.

    The text part, which no mail reader clips, always has every paper.
    """
    environment = templates.environment(content.language)
    for fit in FITS:
        shown = _shown(environment, content, fit, content.items[: fit.papers])
        html = Body([(part.html, values) for part, values in shown.parts])
        if html.size <= html_max:
            break
    if fit.papers < len(content.items):
        shown = _shown(environment, content, fit, content.items)
    return Assembled(shown.subject, Body([(part.text, values) for part, values in shown.parts]), html)


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


class _Shown(NamedTuple):
    """A digest with so much of each paper: its subject, and its parts in order, each with the values of its slots."""

    subject: str
    parts: Sequence[tuple[_Part, Mapping[str, Value]]]


def _shown(environment: Environment, content: DigestContent, fit: Fit, items: Sequence[Item]) -> _Shown:
    items, links = _in_sections(items), content.links
    lines = _lines(environment, content, [fitted(item.entry, fit) for item in items[:5]])
    values = _values(content, lines)
    mute, mail = values["mute"], values["mail"]
    head, foot = _framed(environment, _frame(content, lines.heading, len(content.items) - len(items)))
    pick = _pick(links.feedback, bool(links.mute), _mails(links), fit.is_brief, links.replies)
    tokens = _tokens(links) if links.feedback else [value("")] * len(items)
    parts = [(head, values)]
    section = None
    for number, item in enumerate(items, 1):
        if item.section is not section:
            section = item.section
            parts.append((_section(environment, section), {}))
        own = {
            "reason": _reason(environment, item.reason),
            "number": _number(number),
            "token": tokens[number - 1],
            "mute": mute,
            "mail": mail,
        }
        parts.append((_paper(environment, item.entry, fit, pick), own))
    return _Shown(lines.subject, [*parts, (foot, values)])


def _in_sections(items: Sequence[Item]) -> Sequence[Item]:
    """Return the items section by section."""
    if len({item.section for item in items}) == 1:
        return items
    return [item for section in Section for item in items if item.section is section]


def _lines(environment: Environment, content: DigestContent, first: Sequence[Fitted]) -> _Lines:
    """Return the lines of a digest that begins with these papers."""
    name = tidy(content.subscriber_name, NAME_MAX)
    subject, heading, lead = _summary_lines(environment, _summary(content, slot("name") if name else ""))
    values = {"name": value(name), "first": value(shorten(first[0].title, _FIRST_MAX))}
    preheader = " · ".join([paper.title for paper in first[1:]]) or first[0].abstract
    return _Lines(subject.fill(values), heading.fill(values), lead.fill(values), shorten(preheader, _PREHEADER_MAX))


def _summary(content: DigestContent, name: str) -> Summary:
    weekly = "-W" in content.period
    return Summary(
        list_name=tidy(content.list_name, NAME_MAX),
        name=name,
        day=content.date,
        first_day=first_day(content.period),
        since=first_day(content.covers_from) if content.covers_from != content.period else None,
        weekly=weekly,
        tomorrow=not weekly and content.date.weekday() != _FRIDAY,  # some sources have five days a week
        trending=all(item.section is Section.TRENDING for item in content.items),
        considered=content.considered if content.considered > len(content.items) else 0,
        count=len(content.items),
        gaps=gaps(content.coverage) if content.coverage else (),
    )


@lru_cache(maxsize=4096)
def _summary_lines(environment: Environment, summary: Summary) -> tuple[Fragment, Fragment, Fragment]:
    subject, heading, lead = (
        Fragment(line(environment, f"email/digest.{name}.txt.j2", digest=summary), TEXT)
        for name in ("subject", "heading", "lead")
    )
    return subject, heading, lead


def _mails(links: DigestLinks) -> bool:
    """Return True if feedback is given by mail, for lack of pages."""
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
        raise BadInput("a token has letters that a link would have to escape; this is an error in digestd")
    return [token_value(token) for token in links.tokens]


def _frame(content: DigestContent, heading: str, left: int) -> Frame:
    links = content.links
    return Frame(
        list_name=tidy(content.list_name, NAME_MAX),
        postal_address=tidy(content.postal_address, POSTAL_MAX),
        heading=heading,
        left=left,
        held=tuple([Before(before.date, slot(f"held{n}")) for n, before in enumerate(content.held)]),
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


@lru_cache(maxsize=64)  # one object for each combination, so that it is quickly found as a key
def _pick(feedback: str, mute: bool, mail: bool, is_brief: bool, is_numbered: bool) -> Pick:
    return Pick(
        feedback=f"{safe_url(feedback)}{slot('token')}" if feedback else "",
        mute=slot("mute") if mute else "",
        mail=slot("mail") if mail else "",
        is_brief=is_brief,
        is_numbered=is_numbered,
    )


@lru_cache(maxsize=8192)  # few interests, many readers
def _reason(environment: Environment, reason: Reason) -> Value:
    said = sentence(environment, reason)
    return value(said, wrap("x" * _BULLET_COLUMNS + said, 72)[_BULLET_COLUMNS:])


@lru_cache(maxsize=256)
def _number(number: int) -> Value:
    return value(str(number))


@lru_cache(maxsize=512)
def _framed(environment: Environment, frame: Frame) -> tuple[_Part, _Part]:
    """Return what stands before the papers and after them."""
    html, text = (_around_papers(environment, form, frame) for form in (HTML, TEXT))
    return _Part(html[0], text[0]), _Part(html[1], text[1])


def _around_papers(environment: Environment, form: Format, frame: Frame) -> tuple[Fragment, Fragment]:
    name = f"email/digest{form.suffix}"
    parts = printed(environment, name, frame=frame).split(frame.papers)
    if len(parts) != 2:
        raise BadSetting(f"template {name} must print frame.papers once")
    return Fragment(parts[0], form), Fragment(parts[1], form)


@lru_cache(maxsize=256)
def _section(environment: Environment, section: Section) -> _Part:
    return _part(environment, "email/digest.section", section=section.value)


@lru_cache(maxsize=4096)
def _paper(environment: Environment, entry: Entry, fit: Fit, pick: Pick) -> _Part:
    return _part(environment, "email/digest.paper", paper=fitted(entry, fit), pick=pick)


def _part(environment: Environment, name: str, **values: object) -> _Part:
    html, text = (Fragment(printed(environment, name + form.suffix, **values), form) for form in (HTML, TEXT))
    return _Part(html, text)
