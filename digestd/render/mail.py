"""A digest, a notice, a page: values in, words out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from operator import attrgetter

from jinja2 import TemplateError, TemplateNotFound

from digestd.domain.digest import Reason
from digestd.domain.mail import Body, Form, Piece
from digestd.domain.sanitise import safe_address, safe_url
from digestd.errors import BadSetting, NotFound
from digestd.render.content import DigestContent, NoticeContent, Printed, Rendered
from digestd.render.digest import FIELDS, LINKS, NAME_MAX, POSTAL_MAX, Digest, digest, tidy
from digestd.render.holes import DIGEST, OWN, PAPER, Reads, rendered
from digestd.render.shells import Shells
from digestd.render.shown import FITS, FITTED, HTML_MAX, Fit, cleaned, encoded_size
from digestd.render.survey import are_printed_alone
from digestd.render.templates import MailEnvironment, Templates, fields_of

LINES_MAX = 4_096
_HTML, _TEXT = "email/digest.html.j2", "email/digest.txt.j2"


@dataclass(frozen=True, slots=True)
class _Notice:
    """What the templates of a notice are given. `confirm`: the link, as templates of before call it."""

    list_name: str
    link: str
    mail: str
    confirm: str
    home: str
    postal_address: str
    decline: str = ""
    subject: str = ""


def render_digest(templates: Templates, content: DigestContent, html_max: int = HTML_MAX) -> Rendered:
    """The digest, with as much of each paper as keeps the HTML within `html_max` bytes once encoded.

    The text part, which no reader clips, always has every paper.
    """
    return print_digest(templates, content, html_max).rendered


def print_digest(templates: Templates, content: DigestContent, html_max: int = HTML_MAX) -> Printed:
    """As `render_digest`, in pieces that other mails share."""
    environment = templates.environment(content.language)
    shells, said = _shells(environment), _in_words(environment, [content])
    for fit in FITS:
        shown = _digest(environment, shells, content, fit, said)
        html = _body(environment, shells, _HTML, shown)
        if encoded_size(html) <= html_max:
            break
    if shown.left:
        shown = _digest(environment, shells, content, replace(fit, papers=len(content.items)), said)
    return Printed(shown.subject, _body(environment, shells, _TEXT, shown), html)


def print_digests(templates: Templates, contents: Sequence[DigestContent]) -> list[Printed]:
    """Digests in one language, each as `print_digest` gives it.

    One step of all before the next: a processor that does the same again and again takes a fifth less time.
    """
    environment = templates.environment(contents[0].language)
    shells, said = _shells(environment), _in_words(environment, contents)
    shown = [_digest(environment, shells, content, FITS[0], said) for content in contents]
    htmls = [_body(environment, shells, _HTML, digest) for digest in shown]
    texts = [_body(environment, shells, _TEXT, digest) for digest in shown]
    return [
        Printed(digest.subject, text, html) if encoded_size(html) <= HTML_MAX else print_digest(templates, content)
        for content, digest, text, html in zip(contents, shown, texts, htmls, strict=True)
    ]


def render_notice(templates: Templates, content: NoticeContent) -> Rendered:
    """A mail to one person that belongs to no list, in the words of its kind."""
    environment = templates.environment(content.language)
    notice = _Notice(
        list_name=tidy(content.list_name, NAME_MAX),
        link=safe_url(content.link),
        mail=safe_address(content.mail),
        confirm=safe_url(content.link),
        home=safe_url(content.home),
        postal_address=tidy(content.postal_address, POSTAL_MAX),
        decline=safe_url(content.decline),
    )
    named = f"email/{content.kind}"
    notice = replace(notice, subject=line(environment, f"{named}.subject.txt.j2", notice=notice))
    html = printed(environment, f"{named}.html.j2", notice=notice)
    return Rendered(notice.subject, printed(environment, f"{named}.txt.j2", notice=notice), html)


def render_reason(templates: Templates, reason: Reason, language: str) -> str:
    """Why a paper was picked, in words; plain text, to be escaped where it is shown."""
    return _reasons(templates.environment(language))(reason)


def render_page(templates: Templates, name: str, language: str, **values: object) -> str:
    """A page of the web, e.g. `web/front.html.j2`. Names outside the templates are NotFound."""
    return printed(templates.environment(language), name, **values)


@lru_cache(maxsize=64)
def _shells(environment: MailEnvironment) -> Shells | None:
    """The shells of these templates; None where every mail is rendered whole."""
    if not environment.reads:
        return None
    alone = are_printed_alone(LINKS, environment.trees.values())
    own = OWN if alone else OWN.union(LINKS)
    opened, opening = environment.opened({DIGEST: FIELDS, PAPER: {*FITTED, "reason"}}, own)
    return Shells(opened, opening, (_HTML, _TEXT), spliced=alone)


def _digest(
    environment: MailEnvironment, shells: Shells | None, content: DigestContent, fit: Fit, said: Mapping[int, str]
) -> Digest:
    whole = shells is None or not shells.spliced
    made = digest(content, fit, said, whole=whole)
    made.subject = line(environment, "email/digest.subject.txt.j2", digest=made)
    made.heading = line(environment, "email/digest.heading.txt.j2", digest=made)
    made.lead = line(environment, "email/digest.lead.txt.j2", digest=made)
    return made


def _in_words(environment: MailEnvironment, contents: Sequence[DigestContent]) -> dict[int, str]:
    """The reasons of these digests in words, by their ids."""
    said = _reasons(environment)
    reasons = {id(reason): reason for content in contents for _, reason, _ in content.items}
    return {key: said(reason) for key, reason in reasons.items()}


@lru_cache(maxsize=64)
def _reasons(environment: MailEnvironment) -> Callable[[Reason], str]:
    """Reasons in words: few interests, many readers."""
    return lru_cache(maxsize=LINES_MAX)(partial(_reason, environment))


def _reason(environment: MailEnvironment, reason: Reason) -> str:
    return line(environment, "email/reason.txt.j2", reason=cleaned(reason))


def line(environment: MailEnvironment, name: str, **values: object) -> str:
    """A text template as one line of plain text. HTML gets it as a value, so that it is escaped there."""
    known = _lines(environment, name)
    value = values.get(known.variable) if known else None
    if known is None or not fields_of(value).issuperset(known.fields):
        return " ".join(printed(environment, name, **values).split())
    return known.read(value)


@lru_cache(maxsize=256)
def _lines(environment: MailEnvironment, name: str) -> "_Line | None":
    reads = environment.reads.get(name)
    return None if reads is None else _Line(environment, name, reads)


class _Line:
    """A template of one line that reads fields of one variable: those known give the line known."""

    def __init__(self, environment: MailEnvironment, name: str, reads: Reads) -> None:
        self.variable, self.fields = reads.variable, reads.fields
        self._name = name
        self._key = attrgetter(*reads.fields) if reads.fields else lambda _: None
        self._rendered = rendered(environment.get_template(name), reads.variable)
        self._known: dict[object, str] = {}

    def read(self, value: object) -> str:
        """The line for this value of the variable."""
        key = self._key(value)
        line = self._known.get(key)
        if line is None:
            if len(self._known) >= LINES_MAX:
                self._known.clear()
            try:
                line = self._known[key] = " ".join(self._rendered(value).split())
            except TemplateError as problem:
                raise _unrendered(self._name, problem) from problem
        return line


def _body(environment: MailEnvironment, shells: Shells | None, name: str, shown: Digest) -> Body:
    """The template filled for this digest, or rendered whole where that is all that can be done."""
    try:
        filled = shells.body(name, shown) if shells is not None else None
    except TemplateError as problem:
        raise _unrendered(name, problem) from problem
    return filled or Body(Form([Piece(printed(environment, name, digest=shown))]), tokens=shown.tokens)


def printed(environment: MailEnvironment, name: str, **values: object) -> str:
    """A template with these values. Raises NotFound where there is none, BadSetting where it cannot be rendered."""
    try:
        return environment.get_template(name).render(values)
    except TemplateError as problem:
        raise _unrendered(name, problem) from problem


def _unrendered(name: str, problem: TemplateError) -> BadSetting | NotFound:
    if isinstance(problem, TemplateNotFound):
        return NotFound(f"there is no template {problem.name!r}; look for it in the template folders")
    return BadSetting(f"template {name} cannot be rendered: {problem.message}")
