"""A digest, a notice, a page: values in, words out."""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from types import SimpleNamespace

from jinja2 import TemplateError, TemplateNotFound

from digestd.domain.digest import Reason, Section
from digestd.domain.mail import Body
from digestd.errors import BadSetting, NotFound
from digestd.render.content import Before, DigestContent, NoticeContent, Rendered
from digestd.render.fragments import Reads, body
from digestd.render.shown import FITS, HTML_MAX, Fit, Gap, Shown, cleaned, encoded_size, fitted, gaps, read_by
from digestd.render.templates import MailEnvironment, Templates
from digestd.render.words import clean, first_day, safe_url, shorten

_PREHEADER_MAX = 140
_NAME_MAX = 60
_POSTAL_MAX = 300
_FRIDAY = 4


@dataclass(frozen=True, slots=True)
class _Digest:
    """What the templates of a digest are given, and nothing else.

    `left`: papers that did not fit. `tomorrow`: the next digest certainly comes the day after. `feedback`:
    where something is said of a paper, in a link each unless `is_brief`.
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
    papers: tuple[Shown, ...]
    sections: tuple[tuple[str, tuple[Shown, ...]], ...]
    postal_address: str
    view: str
    unsubscribe: str
    home: str
    feedback: str
    is_brief: bool
    settings: str
    held: tuple[Before, ...] = ()
    subject: str = ""
    heading: str = ""
    lead: str = ""


@dataclass(frozen=True, slots=True)
class _Notice:
    """What the templates of a notice are given. `confirm`: the link, as templates of before call it."""

    list_name: str
    link: str
    confirm: str
    home: str
    postal_address: str
    subject: str = ""


def render_digest(templates: Templates, content: DigestContent, html_max: int = HTML_MAX) -> Rendered:
    """The digest, with as much of each paper as keeps the HTML within `html_max` bytes once encoded.

    The text part, which no reader clips, always has every paper.
    """
    environment = templates.environment(content.language)
    for fit in FITS:
        digest = _digest(environment, content, fit)
        html = _body(environment, "email/digest.html.j2", digest)
        if encoded_size(html) <= html_max:
            break
    if digest.left:
        digest = _digest(environment, content, replace(fit, papers=len(content.items)))
    return Rendered(digest.subject, _body(environment, "email/digest.txt.j2", digest), html)


def render_notice(templates: Templates, content: NoticeContent) -> Rendered:
    """A mail to one person that belongs to no list, in the words of its kind."""
    environment = templates.environment(content.language)
    notice = _Notice(
        list_name=shorten(clean(content.list_name), _NAME_MAX),
        link=safe_url(content.link),
        confirm=safe_url(content.link),
        home=safe_url(content.home),
        postal_address=shorten(clean(content.postal_address), _POSTAL_MAX),
    )
    mail = f"email/{content.kind}"
    notice = replace(notice, subject=_line(environment, f"{mail}.subject.txt.j2", notice=notice))
    html = _render(environment, f"{mail}.html.j2", notice=notice)
    return Rendered(notice.subject, _render(environment, f"{mail}.txt.j2", notice=notice), html)


def render_reason(templates: Templates, reason: Reason, language: str) -> str:
    """Why a paper was picked, in words; plain text, to be escaped where it is shown."""
    return _reason(templates.environment(language), reason)


def render_page(templates: Templates, name: str, language: str, **values: object) -> str:
    """A page of the web, e.g. `web/front.html.j2`. Names outside the templates are NotFound."""
    return _render(templates.environment(language), name, **values)


def _digest(environment: MailEnvironment, content: DigestContent, fit: Fit) -> _Digest:
    items = content.items[: fit.papers]
    papers = tuple(
        read_by(fitted(item.entry, fit), _reason(environment, item.reason), place) for place, item in enumerate(items)
    )
    sections = tuple(
        (section.value, chosen)
        for section in Section
        if (chosen := tuple(paper for item, paper in zip(items, papers, strict=True) if item.section is section))
    )
    titles = [paper.title for _, chosen in sections for paper in chosen]
    weekly = "-W" in content.period
    digest = _Digest(
        list_name=shorten(clean(content.list_name), _NAME_MAX),
        name=shorten(clean(content.subscriber_name), _NAME_MAX),
        day=content.date,
        first_day=first_day(content.period),
        since=first_day(content.covers_from) if content.covers_from != content.period else None,
        weekly=weekly,
        tomorrow=not weekly and content.date.weekday() != _FRIDAY,  # of some, a week has five days
        trending=all(item.section is Section.TRENDING for item in content.items),
        considered=content.considered if content.considered > len(content.items) else 0,
        count=len(content.items),
        left=len(content.items) - len(items),
        gaps=gaps(content.coverage),
        first=shorten(titles[0], 90) if titles else "",
        preheader=shorten(" · ".join(titles[1:5]) or (papers[0].abstract if papers else ""), _PREHEADER_MAX),
        papers=papers,
        sections=sections,
        postal_address=shorten(clean(content.postal_address), _POSTAL_MAX),
        view=safe_url(content.links.view),
        unsubscribe=safe_url(content.links.unsubscribe),
        home=safe_url(content.links.home),
        settings=safe_url(content.links.settings),
        held=tuple(Before(before.date, safe_url(before.view)) for before in content.held),
        feedback=safe_url(content.links.feedback),
        is_brief=fit.is_brief,
    )
    return replace(
        digest,
        subject=_line(environment, "email/digest.subject.txt.j2", digest=digest),
        heading=_line(environment, "email/digest.heading.txt.j2", digest=digest),
        lead=_line(environment, "email/digest.lead.txt.j2", digest=digest),
    )


@lru_cache(maxsize=4096)  # few interests, many readers
def _reason(environment: MailEnvironment, reason: Reason) -> str:
    return _line(environment, "email/reason.txt.j2", reason=cleaned(reason))


def _line(environment: MailEnvironment, name: str, **values: object) -> str:
    """A text template as one line of plain text. HTML gets it as a value, so that it is escaped there."""
    reads = environment.reads.get(name)
    value = values.get(reads.variable) if reads else None
    if reads is None or not all(hasattr(value, field) for field in reads.fields):
        return " ".join(_render(environment, name, **values).split())
    return _read_line(environment, name, reads, tuple(getattr(value, field) for field in reads.fields))


@lru_cache(maxsize=4096)
def _read_line(environment: MailEnvironment, name: str, reads: Reads, read: tuple[object, ...]) -> str:
    value = SimpleNamespace(**dict(zip(reads.fields, read, strict=True)))
    return " ".join(_render(environment, name, **{reads.variable: value}).split())


def _body(environment: MailEnvironment, name: str, digest: _Digest) -> Body:
    printed = _render(environment, name, digest=digest)
    return body(environment, digest.papers, printed) if environment.reads else Body.of([printed])


def _render(environment: MailEnvironment, name: str, **values: object) -> str:
    try:
        return environment.get_template(name).render(values)
    except TemplateNotFound as missing:
        raise NotFound(f"there is no template {missing.name!r}; look for it in the template folders") from missing
    except TemplateError as problem:
        raise BadSetting(f"template {name} cannot be rendered: {problem.message}") from problem
