"""A notice, a page, a reason in words: values in, words out."""

from dataclasses import dataclass, replace
from functools import lru_cache

from jinja2 import Environment, TemplateError, TemplateNotFound

from digestd.domain.digest import Reason
from digestd.domain.sanitise import clean, safe_address, safe_url, shorten
from digestd.errors import BadSetting, NotFound
from digestd.mail.content import NoticeContent, Rendered
from digestd.mail.templates import REASON, Templates
from digestd.mail.view_models import cleaned

NAME_MAX = 60
POSTAL_MAX = 300


@dataclass(frozen=True, slots=True)
class _Notice:
    """What the templates of a notice are given."""

    list_name: str
    link: str
    mail: str
    home: str
    postal_address: str
    decline: str = ""
    subject: str = ""


def render_notice(templates: Templates, content: NoticeContent) -> Rendered:
    """Return a mail to one person that belongs to no list, from the templates of its kind."""
    environment = templates.environment(content.language)
    notice = _Notice(
        list_name=tidy(content.list_name, NAME_MAX),
        link=safe_url(content.link),
        mail=safe_address(content.mail),
        home=safe_url(content.home),
        postal_address=tidy(content.postal_address, POSTAL_MAX),
        decline=safe_url(content.decline),
    )
    named = f"email/{content.kind}"
    notice = replace(notice, subject=line(environment, f"{named}.subject.txt.j2", notice=notice))
    html = printed(environment, f"{named}.html.j2", notice=notice)
    return Rendered(notice.subject, printed(environment, f"{named}.txt.j2", notice=notice), html)


def render_reason(templates: Templates, reason: Reason, language: str) -> str:
    """Return why a paper was picked, in words: plain text, to be escaped where it is shown."""
    return sentence(templates.environment(language), reason)


def render_page(templates: Templates, name: str, language: str, **values: object) -> str:
    """Return a page of the web, e.g. `web/home.html.j2`. Raises NotFound if there is no such template."""
    return printed(templates.environment(language), name, **values)


@lru_cache(maxsize=4096)  # few interests, many readers
def sentence(environment: Environment, reason: Reason) -> str:
    """Return a reason in words. Raises BadSetting if the templates have no sentence for its kind."""
    template = environment.get_template(REASON)
    block = template.blocks.get(reason.why)
    if block is None:
        raise BadSetting(f"template {REASON} has no block {reason.why}; add one for each kind of reason")
    try:
        context = template.new_context({"reason": cleaned(reason)})
        return " ".join(environment.concat(block(context)).split())
    except TemplateError as problem:
        raise _unrendered(REASON, problem) from problem


@lru_cache(maxsize=4096)
def tidy(text: str, limit: int) -> str:
    """Return the text cleaned and cut to so many characters."""
    return shorten(clean(text), limit)


def line(environment: Environment, name: str, **values: object) -> str:
    """Return a text template as one line of plain text. HTML gets it as a value, so that it is escaped there."""
    return " ".join(printed(environment, name, **values).split())


def printed(environment: Environment, name: str, **values: object) -> str:
    """Render a template. Raises NotFound if there is none, BadSetting if it cannot be rendered."""
    try:
        return environment.get_template(name).render(values)
    except TemplateError as problem:
        raise _unrendered(name, problem) from problem


def _unrendered(name: str, problem: TemplateError) -> BadSetting | NotFound:
    if isinstance(problem, TemplateNotFound):
        return NotFound(f"there is no template {problem.name!r}; look for it in the template folders")
    return BadSetting(f"template {name} cannot be rendered: {problem.message}")
