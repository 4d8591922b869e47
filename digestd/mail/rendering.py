"""Render notices, pages, reasons and replies to commands: values in, text out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from traceback import extract_tb

from jinja2 import Environment, TemplateError, TemplateNotFound, TemplateSyntaxError

from digestd.domain.delivery import ReplyLine
from digestd.domain.digest import INTEREST_KINDS, Reason, ReasonKind
from digestd.domain.gist import Gist
from digestd.domain.interest import TOPIC_SHOWN_MAX, Kind
from digestd.errors import BadSetting, DigestdError, NotFound
from digestd.mail.categories import category_label
from digestd.mail.content import NoticeContent, Rendered, ReplyContent
from digestd.mail.fragments import Fragment, slot
from digestd.mail.templates import REASON_TEMPLATE, REMEDY, SHORT_REASON_TEMPLATE, SUBSTITUTES, Templates
from digestd.ranking.text import phrase_form
from digestd.text.sanitise import clean, safe_address, safe_url, shorten

NAME_MAX = 60
POSTAL_MAX = 300
"""Characters of a name and of a postal address."""
_REASON_MAX = 120
QUOTE_WORDS, _LONG_NAME = 5, " of more than five words"
"""Templates ask whether a quote has more words than that; so does the name of its slot."""
QUOTING = frozenset({ReasonKind.TOPIC, ReasonKind.BACKGROUND, ReasonKind.PHRASE, ReasonKind.PASSING})
_READ_BY_BLOCKS = frozenset({ReasonKind.INSTITUTION, ReasonKind.TREND})
"""Reasons whose sentence depends on what their value and words are."""
_REPLY_LINE_TEMPLATE = "email/reply.line.txt.j2"
_NAMING_SETTINGS = frozenset({"help", "not_by_mail", "leaving"})
REPLY_VALUE_MAX = 200
"""Characters of a value in a reply."""
_BLANKS = re.compile(r"[ \t\r\n]+")
"""Blanks, but not the no-break spaces that French has before some signs."""
_WIDE_END = re.compile("(?<=[。！？；：，、）」』”]) (?=[\u2e80-\u9fff\uff00-\uffef])")
"""The blank between two sentences of Chinese or Japanese, which templates print."""
_COMMAND_ROWS = {
    "more": {"more", "less", "save"},
    "add": {"add", "remove"},
}
"""Commands that share a row of the help, by the first of each row."""


def render_notice(templates: Templates, content: NoticeContent) -> Rendered:
    """Render a notice with the templates of its kind."""
    environment = templates.environment(content.language)
    notice = replace(
        content,
        list_name=clean_line(content.list_name, NAME_MAX),
        link=safe_url(content.link),
        mail=safe_address(content.mail),
        home=safe_url(content.home),
        postal_address=clean_line(content.postal_address, POSTAL_MAX),
        decline=safe_url(content.decline),
    )
    template = f"email/{content.kind}"
    notice = replace(notice, subject=render_line(environment, f"{template}.subject.txt.j2", notice=notice))
    html = render_template(environment, f"{template}.html.j2", notice=notice)
    return Rendered(notice.subject, render_template(environment, f"{template}.txt.j2", notice=notice), html)


def render_reply(templates: Templates, content: ReplyContent) -> Rendered:
    """Render the reply to commands: each line once, commands with their meaning, and the settings if they are named."""
    environment = templates.environment(content.language)
    lines, has_pages = content.lines or (ReplyLine("help"),), bool(content.settings)
    rendered = (render_line(environment, _REPLY_LINE_TEMPLATE, line=_line_values(one), page=has_pages) for one in lines)
    reply: dict[str, object] = {
        "list_name": clean_line(content.list_name, NAME_MAX),
        "what": lines[0].what,
        "lines": tuple(dict.fromkeys(rendered)),
        "commands": tuple(_commands(environment, lines)),
        "answerable": content.answerable and lines[0].what not in {"prove", "unsubscribed"},
        "postal_address": clean_line(content.postal_address, POSTAL_MAX),
        "settings": safe_url(content.settings) if any(one.what in _NAMING_SETTINGS for one in lines) else "",
    }
    subject = render_line(environment, "email/reply.subject.txt.j2", reply=reply)
    reply["subject"] = subject
    html = render_template(environment, "email/reply.html.j2", reply=reply)
    return Rendered(subject, render_template(environment, "email/reply.txt.j2", reply=reply), html)


def render_page(templates: Templates, name: str, language: str, **values: object) -> str:
    """Render a web page, such as `web/home.html.j2`.

    Raises NotFound if there is no such template.
    """
    return render_template(templates.environment(language), name, **values)


def render_gist(templates: Templates, gist: Gist | None, language: str) -> str:
    """Render a gist as plain text that must be escaped in HTML; a machine's says so. "" without one."""
    if gist is None:
        return ""
    shown = replace(gist, text=clean(gist.text))
    return render_line(templates.environment(language), "email/gist.txt.j2", gist=shown)


def render_earlier_digest(templates: Templates, day: date, language: str) -> str:
    """Render that an earlier digest may not have arrived, for a chat room."""
    return render_line(templates.environment(language), "email/chat.earlier.txt.j2", day=day)


def render_near_heading(templates: Templates, language: str) -> str:
    """Render that the papers below are only near, for a chat room."""
    return render_line(templates.environment(language), "email/chat.near.txt.j2")


def render_reason(templates: Templates, reason: Reason, language: str) -> str:
    """Render why a paper was picked, as plain text that must be escaped in HTML."""
    return render_sentence(templates.environment(language), reason)


def render_sentence(environment: Environment, reason: Reason) -> str:
    """Render a reason as a sentence.

    Raises BadSetting if the templates have none for its kind.
    """
    return _render_reason(environment, REASON_TEMPLATE, reason)


def render_short_sentence(environment: Environment, reason: Reason) -> str:
    """Render what a reason adds to a heading that names the interest; empty if it adds nothing."""
    return _render_reason(environment, SHORT_REASON_TEMPLATE, reason)


def render_colleagues(environment: Environment, colleagues: int) -> str:
    """Render how many colleagues liked or saved a paper, as a sentence."""
    shown = {"total": colleagues, "names": ()}  # templates that operators wrote for an earlier version ask for names
    return _render_block(environment, REASON_TEMPLATE, "colleagues", colleagues=shown)


def _render_reason(environment: Environment, name: str, reason: Reason) -> str:
    reason = _clean_reason(reason)
    are_long = tuple([len(words.split()) > QUOTE_WORDS for words in reason.words])
    fragment, names = _reason_shape(environment, name, reason.kind, bool(reason.value), are_long)
    if fragment is None:
        return _render_block(environment, name, reason.kind, reason=reason)
    return fragment.fill(dict(zip(names, (reason.value, *reason.words), strict=True)))


@lru_cache(maxsize=512)
def _reason_shape(
    environment: Environment, name: str, kind: ReasonKind, has_value: bool, are_long: tuple[bool, ...]
) -> tuple[Fragment | None, Sequence[str]]:
    """Return the sentence of all reasons of a kind, with slots for value and words, and the names of the slots.

    None if the sentence depends on more than which of them there are, and which are long.
    """
    names = ["value", *(f"words{n}{_LONG_NAME * is_long}" for n, is_long in enumerate(are_long))]
    value, *words = map(slot, names)
    try:
        shape = Reason(kind, value if has_value else "", tuple(words))
        fragment = Fragment(_render_block(environment, name, kind, reason=shape), name)
    except BadSetting:
        return None, names
    return (None if kind in _READ_BY_BLOCKS else fragment), names


def _clean_reason(reason: Reason) -> Reason:
    """Clean a reason to one line, without words that only repeat the interest."""
    if reason.kind is ReasonKind.GROUP and reason.words:
        topic = _clean_reason(Reason(ReasonKind.TITLE, reason.words[0]))
        return Reason(reason.kind, shorten(clean(reason.value), _REASON_MAX), (topic.value,))
    is_topic = INTEREST_KINDS.get(reason.kind) is Kind.TOPIC
    quoted = filter(None, reason.words[: 1 if is_topic else 5])
    words = [shorten(clean(word, 200), _REASON_MAX) for word in quoted if _is_telling(reason, word)]
    value = category_label(reason.value) if reason.kind is ReasonKind.CATEGORY else reason.subject
    longest = TOPIC_SHOWN_MAX if is_topic else _REASON_MAX
    return Reason(
        reason.kind,
        clean_line(value, longest),
        tuple(map(_mid_sentence, words) if reason.kind is ReasonKind.WORDS else words),
    )


def _is_telling(reason: Reason, words: str) -> bool:
    """Return True unless the words repeat the phrase, or are a quote of an earlier release, cut anywhere."""
    if reason.kind not in QUOTING:
        return True
    if words.startswith("…") or words.endswith("…"):
        return False
    return _singulars(words) != _singulars(reason.subject)


@lru_cache(maxsize=4096)  # a reader's topic is in several reasons, and many papers have the same terms
def _singulars(text: str) -> list[str]:
    return [word.removesuffix("s") for word in phrase_form(text).split()]


def _mid_sentence(word: str) -> str:
    """Lower-case a word that may be capitalised only because it began a sentence."""
    return word.lower() if word[1:].islower() or len(word) == 1 else word


def _render_block(environment: Environment, name: str, block_name: str, **values: object) -> str:
    """Render one block of a template of reasons as one line."""
    template = environment.get_template(name)
    block = template.blocks.get(block_name) or template.blocks.get(SUBSTITUTES.get(block_name, ""))
    if block is None:
        raise BadSetting(f"template {name} has no block {block_name}; add one for each kind of reason")
    try:
        context = template.new_context(values)
        return _BLANKS.sub(" ", environment.concat(block(context))).strip(" ")
    except Exception as problem:
        raise _as_digestd_error(name, problem) from problem


def render_line(environment: Environment, name: str, **values: object) -> str:
    """Render a text template as one line.

    HTML templates receive the result as a value, so it is escaped there.
    """
    return _WIDE_END.sub("", _BLANKS.sub(" ", render_template(environment, name, **values)).strip(" "))


def render_template(environment: Environment, name: str, **values: object) -> str:
    """Render a template.

    Raises NotFound if it does not exist, BadSetting if it cannot be rendered.
    """
    try:
        return environment.get_template(name).render(values)
    except Exception as problem:
        raise _as_digestd_error(name, problem) from problem


@lru_cache(maxsize=4096)
def clean_line(text: str, limit: int) -> str:
    return shorten(clean(text), limit)


@dataclass(frozen=True, slots=True)
class _LineValues:
    """The variable `line` in the template of a line.

    `day`: the first value if it is a date, else None.
    """

    what: str
    values: tuple[str, ...]
    first: str
    second: str
    day: date | None


def _line_values(line: ReplyLine) -> _LineValues:
    values = tuple(shorten(clean(value), REPLY_VALUE_MAX) for value in line.values)
    first, second = (*values, "", "")[:2]
    return _LineValues(line.what, values, first, second, _day(first))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _commands(environment: Environment, lines: tuple[ReplyLine, ...]) -> Iterator[tuple[str, str]]:
    """Yield commands with their meaning: all for `help`, else the unclear ones."""
    wanted = {(*one.values, "")[0] for one in lines if one.what == "unclear"}
    everything = any(one.what == "help" for one in lines)
    for row in render_template(environment, "email/commands.txt.j2").splitlines():
        written, verbs, meaning = (*row.split("|"), "", "")[:3]
        if everything or wanted & _COMMAND_ROWS.get(verbs, {verbs}):
            yield written, meaning


def _as_digestd_error(name: str, problem: Exception) -> DigestdError:
    """Return an error that names template, line and remedy. Jinja leaves them in the traceback."""
    if isinstance(problem, DigestdError):
        return problem
    if isinstance(problem, TemplateNotFound):
        return NotFound(f"there is no template {problem.name!r}; look for it in the template folders")
    lines = [frame for frame in extract_tb(problem.__traceback__) if frame.filename.endswith(".j2")]
    where = f"template {lines[-1].filename}, line {lines[-1].lineno}" if lines else f"template {name}"
    if isinstance(problem, TemplateSyntaxError):
        where = f"template {problem.name or name}, line {problem.lineno}"
    why = problem.message if isinstance(problem, TemplateError) else f"{type(problem).__name__}: {problem}"
    return BadSetting(f"{where}: {why}; {REMEDY}")
