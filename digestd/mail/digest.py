"""Render digests as subject, text and HTML from parts that mails share.

The parts are templates: the frame (`email/digest.html.j2`, and `.txt.j2` for the text), a line of the list of titles
(`digest.entry`), a heading (`digest.section`), a paper (`digest.paper`) and why it was picked (`digest.reason`). A part
is rendered with the values that many mails share, and with slots for values of one subscriber (see `fragments`). The
frozen value that a part depends on is also its cache key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from jinja2 import Environment
from markupsafe import escape

from digestd.domain.coverage import COMPLETE, CoverageState
from digestd.domain.digest import Change, Occasion, Reason, ReasonKind, Section
from digestd.domain.interest import TOPIC_SHOWN_MAX
from digestd.domain.paper import TITLE_MAX
from digestd.domain.subscriber import SIZE_MAX
from digestd.errors import BadInput, BadSetting
from digestd.mail.categories import category_label
from digestd.mail.content import (
    DigestContent,
    DigestLinks,
    EarlierDigest,
    FullAbstracts,
    Rendered,
)
from digestd.mail.digest_layout import Block, Heading, HeadingKind, blocks
from digestd.mail.fragments import MARK, Body, Fragment, Value, slot, value
from digestd.mail.mime import SOFT_BREAK, quoted_printable_fragment
from digestd.mail.paper_view import DETAIL_LEVELS, DetailLevel, PaperView, cut_title
from digestd.mail.rendering import (
    NAME_MAX,
    POSTAL_MAX,
    QUOTE_WORDS,
    QUOTING,
    clean_line,
    render_colleagues,
    render_line,
    render_sentence,
    render_short_sentence,
    render_template,
)
from digestd.mail.templates import Templates
from digestd.text.sanitise import clean, first_day, safe_url, shorten, text_columns, wrap
from digestd.text.scripts import text_direction, text_language

HTML_MAX = 92_000
"""Gmail clips messages above 102 KB of encoded HTML."""
_PAPER_BYTES = 2_000
"""Bytes of HTML of a paper with its whole gist."""
_SUBJECT_MAX = 60
"""Characters of a subject that a phone shows."""
_FIRST_TITLE_MIN = 24
_PREHEADER_MAX = 140
_CONTENTS_FROM, _CONTENTS_MAX = 6, 10
"""A digest of so many papers begins with a list of the first titles."""
_HEADING_MAX = 120
_SOURCES_MAX = 4
_NEAR = frozenset({HeadingKind.NEAR, HeadingKind.NEAR_TOPICS})
_FOR_ALL = frozenset({HeadingKind.NEW, HeadingKind.TRENDING})
_SPOKEN = frozenset(HeadingKind) - _NEAR - {HeadingKind.FOR_YOU, HeadingKind.ALSO}
"""Headings that say why their papers were picked."""
_COLUMNS = 72
"""Columns of a line of the text part."""
_SECTION = "email/digest.section"
_BULLET_COLUMNS = 2
"""Columns that the text template may print before a reason: an arrow and a space."""
_FRIDAY = 4
_HTML, _TEXT = ".html.j2", ".txt.j2"
_NOTHING = Value(b"", b"")


@dataclass(frozen=True, slots=True)
class CoverageGap:
    """Incomplete sources in one state: some `names`, and how many `more`."""

    state: str
    names: tuple[str, ...]
    more: int
    count: int


class DigestSummary(NamedTuple):
    """The variable `digest` in the templates of subject, heading and lead.

    Attributes:
        name: A slot for the subscriber's name; empty if they gave none.
        tomorrow: Whether the next digest certainly comes the next day.
        considered: How many papers it was chosen from; 0 hides the number.
        gaps: Incomplete sources.
        samples: How many papers are invented.
        near: How many papers are only near what the subscriber asked for.
        is_first, is_after_gap, is_room_failed, is_room_ended, is_unanswered: What is special about it.
        is_thin: False; templates of earlier versions ask for it.
        is_saving, is_not_saved: Whether saved papers now go to a library, and whether some did not get there.
        is_withdrawal: Whether it is sent without papers because one that the subscriber saved was withdrawn.
        by_mail: Whether feedback is given by mail.
        conference: The name of the conference, if it is the programme of one.
        is_cut: Whether more papers may have fitted than a programme has.
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
    count: int  # type: ignore[assignment]  # templates call it so; nobody counts in this tuple
    gaps: tuple[CoverageGap, ...]
    samples: int = 0
    near: int = 0
    is_first: bool = False
    is_thin: bool = False
    is_after_gap: bool = False
    is_room_failed: bool = False
    is_room_ended: bool = False
    is_unanswered: bool = False
    is_saving: bool = False
    is_not_saved: bool = False
    is_withdrawal: bool = False
    by_mail: bool = False
    conference: str = ""
    is_cut: bool = False
    first: str = slot("first")


class DigestFrame(NamedTuple):
    """The variable `frame` in the template of a frame: the links of the digest and what stands around its papers.

    Links other than `home` and `manage` are slots, or empty if there is no such link.

    Attributes:
        left: How many papers did not fit.
        contents: A slot for the list of titles, or empty if there are few papers.
        unlisted: How many papers it does not name.
        papers: A slot for the headings and papers.
        most_read, most_read_url: Slots for the paper that everybody reads, or empty.
    """

    view: str
    unsubscribe: str
    settings: str
    mail: str
    home: str
    manage: str
    replies: bool
    list_name: str
    postal_address: str
    heading: str
    left: int
    held: tuple[EarlierDigest, ...]
    contents: str
    unlisted: int
    most_read: str
    most_read_url: str
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
        is_numbered: Whether to print numbers, for the list of results or because replies name papers by number.
        is_best: Whether it is the first paper, which is shown larger.
        abstracts: Where to print the full abstract.
        reason: The part digest.reason, or nothing if the heading says it all.
    """

    feedback: str
    mute: str
    mail: str
    is_numbered: bool
    is_best: bool
    abstracts: FullAbstracts
    reason: str = slot("reason")
    number: str = slot("number")
    indent: str = slot("indent")


@dataclass(frozen=True, slots=True)
class AssembledDigest:
    """A digest as subject and encoded bodies."""

    subject: str
    text: Body
    html: Body

    @property
    def rendered(self) -> Rendered:
        return Rendered(self.subject, str(self.text), str(self.html))


def render_digest(templates: Templates, content: DigestContent, html_max: int = HTML_MAX) -> Rendered:
    """Return a digest as plain strings; see `assemble_digest`."""
    return assemble_digest(templates, content, html_max).rendered


def assemble_digest(templates: Templates, content: DigestContent, html_max: int = HTML_MAX) -> AssembledDigest:
    """Return a digest whose encoded HTML has at most `html_max` bytes.

    Papers are shortened as needed. Gists are whole if they fit half of that, so that a mail of 28 papers has less than
    80 KB in all.

    The text part, which no mail reader clips, always has every paper.
    """
    environment, count = templates.environment(content.language), len(content.items)
    layout = blocks(content.items)
    for fit in DETAIL_LEVELS[count * _PAPER_BYTES > html_max // 2 :]:
        draft = _draft(environment, content, layout, fit, min(fit.papers, count))
        html = Body(draft.html)
        if html.size <= html_max:
            break
    if fit.papers < count:
        draft = _draft(environment, content, layout, fit, count)
    return AssembledDigest(draft.subject, Body(draft.text), html)


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


class _Draft:
    """A digest at one level of detail: its subject, and its encoded parts in both formats.

    `values`: of the slots, which may be set again for each part.
    """

    def __init__(self, subject: str, values: Mapping[str, Value]) -> None:
        self.subject = subject
        self.html: list[bytes] = []
        self.text: list[bytes] = []
        self._html, self._text = ({name: one[form] for name, one in values.items()} for form in range(2))

    def set(self, values: Mapping[str, bytes]) -> None:
        """Set values that are the same in both formats."""
        self._html.update(values)
        self._text.update(values)

    def set_reason(self, reason: Value) -> None:
        self._html["reason"], self._text["reason"] = reason

    def add(self, *parts: _Part) -> None:
        for part in parts:
            self.html.append(part.html.encode(self._html))
            self.text.append(part.text.encode(self._text))

    def add_value(self, value: Value) -> None:
        self.html.append(value.html)
        self.text.append(value.text)


def _draft(
    environment: Environment, content: DigestContent, layout: Sequence[Block], fit: DetailLevel, count: int
) -> _Draft:
    """Return a digest with `count` papers, the best ones. All keep the number that they have in the complete digest."""
    links, news = content.links, content.facts.news
    order = [place for block in layout for place in block.places]
    best = content.items[order[0]].reason if order else None
    keep = "".join(best.words[:1]) or best.value if best else ""
    lines = _lines(environment, content, [content.items[place].paper.cut(fit) for place in order[:5]], keep)
    draft = _Draft(lines.subject, _values(content, lines))
    has_contents = count >= _CONTENTS_FROM
    frame = _frame(content, lines.heading, len(content.items) - count, has_contents)
    head, middle, foot = _frame_parts(environment, frame)
    draft.add(head)
    if has_contents:
        for number, place in enumerate(order[:_CONTENTS_MAX], 1):
            if place < count:
                draft.set({"number": _digits(number), "indent": _indent(number)})
                draft.add(_entry(environment, content.items[place].paper))
    draft.add(middle)
    if news:
        draft.add(_section(environment, HeadingKind.SAVED))
        draft.add(*(_news(environment, one.title, one.url, one.changes) for one in news))
    if content.items:
        _add_papers(draft, environment, content, layout, fit, count)
    elif not news:
        draft.add(_part(environment, "email/digest.empty", settings=links.settings and slot("settings"), topics=()))
    draft.add(foot)
    return draft


def _add_papers(
    draft: _Draft,
    environment: Environment,
    content: DigestContent,
    layout: Sequence[Block],
    fit: DetailLevel,
    count: int,
) -> None:
    """Add the blocks with their papers, of which the `count` best ones fit."""
    links, number = content.links, 0
    tokens = _tokens(links) if links.feedback else [b""] * len(content.items)
    is_numbered = count >= _CONTENTS_FROM or (links.replies and len(content.items) > 1)
    shape = links.feedback, bool(links.mute), _gives_feedback_by_mail(links), is_numbered
    best, others = (_pick_links(*shape, is_best, content.abstracts) for is_best in (True, False))
    for (kind, name), places in layout:
        if places[0] < count:
            asks = kind in _NEAR or (kind in _FOR_ALL and not number)
            if name:
                draft.add_value(_named_section(environment, Heading(kind, name)))
            else:
                draft.add(_section(environment, kind, slot("settings") if asks and links.settings else ""))
        for place in places:
            number += 1
            if place < count:
                paper, reason, _, colleagues = content.items[place]
                level = DETAIL_LEVELS[0] if number == 1 and fit.abstract else fit
                reason = _without_repetition(reason, paper.cut(level).gist)
                draft.set_reason(_reason(environment, reason, kind, colleagues))
                draft.set(
                    {
                        "number": _digits(number),
                        "indent": _indent(number),
                        "token": tokens[place],
                        "place": _digits(place + 1),
                    }
                )
                followed = reason.words or (reason.value,) if reason.kind is ReasonKind.AUTHOR else ()
                draft.add(_paper(environment, paper, level, best if number == 1 else others, followed))


def _lines(environment: Environment, content: DigestContent, first: Sequence[PaperView], keep: str) -> _Lines:
    """Render the one-line texts of a digest that begins with these papers; `keep`: words that the subject keeps."""
    name = clean_line(content.subscriber_name, NAME_MAX)
    subject, heading, lead = _summary_lines(environment, _summary(content, slot("name") if name else ""))
    values = {"name": name, "first": ""}
    room = max(_SUBJECT_MAX - len(subject.fill(values)), _FIRST_TITLE_MIN)
    titles = [paper.title for paper in first] or [clean_line(one.title, TITLE_MAX) for one in content.facts.news]
    values["first"] = cut_title(titles[0], room, keep) if titles else ""
    preheader = " · ".join([paper.title for paper in first[1:]]) or (first[0].gist if first else lead.fill(values))
    return _Lines(subject.fill(values), heading.fill(values), lead.fill(values), shorten(preheader, _PREHEADER_MAX))


def _summary(content: DigestContent, name: str) -> DigestSummary:
    weekly, facts = "-W" in content.period, content.facts
    sections = [item.section for item in content.items]
    is_for_all = sections.count(Section.TRENDING) == len(sections)
    since = first_day(content.covers_from) if content.covers_from != content.period else None
    count = content.picked or len(content.items)
    return DigestSummary(
        list_name=clean_line(content.list_name, NAME_MAX),
        name=name,
        day=content.date,
        first_day=first_day(content.period),
        since=since,
        weekly=weekly,
        tomorrow=not weekly and content.date.weekday() != _FRIDAY,  # some sources have five days a week
        trending=is_for_all and any(item.reason.kind is not ReasonKind.NEW for item in content.items),
        considered=facts.considered if facts.considered > count or content.conference else 0,
        count=count,
        gaps=_coverage_gaps(facts.coverage or {}),
        samples=sum(item.paper.is_sample for item in content.items),
        near=sections.count(Section.NEAR),
        is_first=Occasion.FIRST in facts.occasions,
        is_after_gap=Occasion.AFTER_GAP in facts.occasions,
        is_room_failed=Occasion.ROOM_FAILED in facts.occasions,
        is_room_ended=Occasion.ROOM_ENDED in facts.occasions,
        is_unanswered=Occasion.UNANSWERED in facts.occasions,
        is_saving=Occasion.SAVING in facts.occasions,
        is_not_saved=Occasion.NOT_SAVED in facts.occasions,
        is_withdrawal=not content.items and any(one.is_withdrawn for one in facts.news),
        by_mail=_gives_feedback_by_mail(content.links),
        conference=clean_line(content.conference, NAME_MAX),
        is_cut=content.conference != "" and SIZE_MAX <= count < facts.considered,
    )


def _coverage_gaps(coverage: Mapping[str, CoverageState]) -> tuple[CoverageGap, ...]:
    """Group incomplete sources by state; at most four sources of a state are named."""
    return tuple(
        _gap(state, names)
        for state in _GAPS
        if (names := [shorten(clean(name, 200), NAME_MAX) for name, found in coverage.items() if found is state])
    )


_GAPS = (CoverageState.LATE, *(s for s in CoverageState if s not in COMPLETE and s is not CoverageState.LATE))


def _gap(state: CoverageState, names: list[str]) -> CoverageGap:
    named = names if len(names) <= _SOURCES_MAX else names[: _SOURCES_MAX - 1]
    return CoverageGap(state.value, tuple(named), len(names) - len(named), len(names))


@lru_cache(maxsize=4096)
def _summary_lines(environment: Environment, summary: DigestSummary) -> tuple[Fragment, Fragment, Fragment]:
    subject, heading, lead = (
        Fragment(render_line(environment, name, digest=summary), name)
        for name in map("email/digest.{}.txt.j2".format, ("subject", "heading", "lead"))
    )
    return subject, heading, lead


def _gives_feedback_by_mail(links: DigestLinks) -> bool:
    """Return True if feedback is given by mail, because there are no web pages."""
    return bool(links.mail) and not links.home


def _values(content: DigestContent, lines: _Lines) -> dict[str, Value]:
    """Return the values of the slots that are the same in all parts."""
    links, read = content.links, content.most_read
    values = {
        "subject": value(lines.subject),
        "preheader": value(lines.preheader),
        "lead": _paragraph(lines.lead),
        "view": value(links.view),
        "unsubscribe": value(links.unsubscribe),
        "settings": value(links.settings),
        "mail": value(links.mail),
        "mute": value(f"{links.mute}/{content.period}/"),
        **{f"held{n}": value(safe_url(before.view)) for n, before in enumerate(content.held)},
    }
    if read:
        title = shorten(read.title, _HEADING_MAX)
        values |= {"read": value(title, wrap(title, 70, indent=2)), "readurl": value(read.url)}
    return values


@lru_cache(maxsize=4096)  # many subscribers get the same lead
def _paragraph(text: str) -> Value:
    return value(text, wrap(text, 72))


def _tokens(links: DigestLinks) -> Sequence[bytes]:
    """Return the tokens as values, which no encoding changes."""
    letters = "".join(links.tokens).replace("-", "").replace("_", "")
    if letters and not (letters.isascii() and letters.isalnum()):
        raise BadInput("a token contains characters that a link would have to escape; please report this as a bug")
    return [token.encode() + SOFT_BREAK for token in links.tokens]


def _frame(content: DigestContent, heading: str, left: int, has_contents: bool) -> DigestFrame:
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
        contents=slot("contents") if has_contents else "",
        unlisted=max(len(content.items) - _CONTENTS_MAX, 0),
        most_read=slot("read") if content.most_read else "",
        most_read_url=_slot_if(content.most_read.url if content.most_read else "", "readurl"),
    )


def _slot_if(link: str, name: str) -> str:
    return slot(name) if link else ""


@lru_cache(maxsize=64)  # one object per combination, because PickLinks is compared by identity
def _pick_links(
    feedback: str, mute: bool, mail: bool, is_numbered: bool, is_best: bool, abstracts: FullAbstracts
) -> PickLinks:
    return PickLinks(
        feedback=f"{safe_url(feedback)}{slot('token')}" if feedback else "",
        mute=f"{slot('mute')}{slot('place')}" if mute else "",
        mail=slot("mail") if mail else "",
        is_numbered=is_numbered,
        is_best=is_best,
        abstracts=abstracts,
    )


@lru_cache(maxsize=8192)  # many subscribers share interests
def _without_repetition(reason: Reason, gist: str) -> Reason:
    """Return a reason without a quote that the gist shown below it has; terms tell what matched, and stay."""
    if reason.kind not in QUOTING or not reason.words[:1] or reason.words[0].count(" ") < QUOTE_WORDS:
        return reason
    is_repeated = reason.words[0].lower() in gist.lower()
    return reason._replace(words=("", *reason.words[1:]) if reason.words[1:] else ()) if is_repeated else reason


@lru_cache(maxsize=8192)  # many subscribers share interests
def _reason(environment: Environment, reason: Reason, heading: HeadingKind, colleagues: int) -> Value:
    """Render why a paper was picked, without what its heading says, and how many liked it."""
    text = (render_short_sentence if heading in _SPOKEN else render_sentence)(environment, reason)
    if colleagues:
        likes = render_colleagues(environment, colleagues)
        text = f"{text} · {likes}" if text and reason.kind is not ReasonKind.GROUP_LIKES else likes
    if not text:
        return _NOTHING
    wrapped = wrap("x" * _BULLET_COLUMNS + text, 70)[_BULLET_COLUMNS:]
    line = value(text, wrapped.replace("\n", f"\n{' ' * _BULLET_COLUMNS}"))
    part = _reason_part(environment)
    return Value(part.html.encode({"reason": line.html}), part.text.encode({"reason": line.text}))


@lru_cache(maxsize=64)
def _reason_part(environment: Environment) -> _Part:
    return _part(environment, "email/digest.reason", reason=slot("reason"))


@lru_cache(maxsize=256)
def _digits(number: int) -> bytes:
    return value(str(number)).text


@lru_cache(maxsize=256)
def _indent(number: int) -> bytes:
    """Return the blanks below a number, a full stop and a blank."""
    return value(" " * (len(str(number)) + 2)).text


@lru_cache(maxsize=512)
def _frame_parts(environment: Environment, frame: DigestFrame) -> tuple[_Part, _Part, _Part]:
    """Render the frame and return the parts around the list of titles and the papers."""
    html, text = (_around_papers(environment, f"email/digest{suffix}", frame) for suffix in (_HTML, _TEXT))
    before, between, after = map(_Part, html, text)
    return before, between, after


def _around_papers(environment: Environment, name: str, frame: DigestFrame) -> Sequence[Fragment]:
    """Return three fragments; the first is empty if the template prints no list of titles."""
    parts = render_template(environment, name, frame=frame).split(frame.papers)
    if len(parts) != 2:
        raise BadSetting(f"template {name} must print frame.papers once")
    before = parts[0].split(frame.contents) if frame.contents else ["", parts[0]]
    if len(before) != 2:
        raise BadSetting(f"template {name} must print frame.contents once, if it is not empty")
    return [Fragment(part, name) for part in (*before, parts[1])]


@lru_cache(maxsize=256)
def _section(environment: Environment, kind: HeadingKind, settings: str = "") -> _Part:
    """Render a heading that names no interest."""
    return _part(environment, _SECTION, section=Heading(kind), settings=settings)


@lru_cache(maxsize=4096)  # many subscribers share interests
def _named_section(environment: Environment, heading: Heading) -> Value:
    is_category = heading.kind is HeadingKind.CATEGORY
    longest = TOPIC_SHOWN_MAX if heading.kind is HeadingKind.TOPIC else _HEADING_MAX
    name = clean_line(category_label(heading.value) if is_category else heading.value, longest)
    shape, room = _section_shape(environment, heading.kind)
    if not name or text_columns(name, "WFA") > room:
        shape = _part(environment, _SECTION, section=heading._replace(value=name), settings="")
    html, text = shape.html.fill({"name": str(escape(name))}), shape.text.fill({"name": name})
    return Value(quoted_printable_fragment(html), quoted_printable_fragment(text))


@lru_cache(maxsize=64)
def _section_shape(environment: Environment, kind: HeadingKind) -> tuple[_Part, int]:
    """Return a heading with a slot for the name of the interest, and how many columns of its line are left for it.

    None are left if the template does more than to print the name.
    """
    try:
        part = _part(environment, _SECTION, section=Heading(kind, slot("name")), settings="")
    except BadSetting:
        return _section(environment, kind), 0
    lines = part.text.fill({"name": MARK}).split("\n")
    return part, _COLUMNS - max((text_columns(line, "WFA") for line in lines if MARK in line), default=0)


@lru_cache(maxsize=4096)  # many subscribers save the same papers
def _news(environment: Environment, title: str, url: str, changes: tuple[Change, ...]) -> _Part:
    """Render what changed about a saved paper."""
    title = _shortened(title) or "…"
    shown = [
        Change(change.kind, _shortened(change.value), _shortened(change.before), safe_url(change.url))
        for change in changes
    ]
    lines = [(render_line(environment, "email/digest.change.txt.j2", change=change), change) for change in shown]
    written = {"title": title, "language": text_language(title), "title_dir": text_direction(title)}
    return _part(environment, "email/digest.news", url=safe_url(url), lines=lines, **written)


def _shortened(text: str) -> str:
    return shorten(clean_line(text, TITLE_MAX), _HEADING_MAX)


@lru_cache(maxsize=4096)
def _entry(environment: Environment, paper: PaperView) -> _Part:
    slots = {name: slot(name) for name in ("number", "indent")}
    return _part(environment, "email/digest.entry", paper=paper, **slots)


@lru_cache(maxsize=4096)
def _paper(
    environment: Environment, entry: PaperView, fit: DetailLevel, pick: PickLinks, followed: tuple[str, ...]
) -> _Part:
    paper = entry.cut(fit, followed)
    facts = render_line(environment, "email/digest.facts.txt.j2", paper=paper)
    links = [(render_line(environment, "email/digest.link.txt.j2", link=link), link) for link in paper.links]
    return _part(environment, "email/digest.paper", paper=paper, facts=facts, links=links, pick=pick)


def _part(environment: Environment, name: str, **values: object) -> _Part:
    html, text = (
        Fragment(render_template(environment, name + suffix, **values), name + suffix) for suffix in (_HTML, _TEXT)
    )
    return _Part(html, text)
