"""Render the reply to commands sent by mail: values in, text out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from jinja2 import Environment

from digestd.domain.reply import ReplyLine
from digestd.domain.sanitise import clean, shorten
from digestd.mail.content import Rendered, ReplyContent
from digestd.mail.rendering import render_line, render_template
from digestd.mail.templates import Templates

_LINE = "email/reply.line.txt.j2"
_NAME_MAX, _POSTAL_MAX, _VALUE_MAX = 60, 300, 200


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


@dataclass(frozen=True, slots=True)
class _Reply:
    """The variable `reply` in the templates of a reply.

    `what`: of the first line; `commands`: (command, meaning).
    """

    list_name: str
    what: str
    lines: tuple[str, ...]
    commands: tuple[tuple[str, str], ...]
    answerable: bool
    postal_address: str
    subject: str = ""


def render_reply(templates: Templates, content: ReplyContent) -> Rendered:
    """Render the reply to commands."""
    environment = templates.environment(content.language)
    lines = content.lines or (ReplyLine("help"),)
    reply = _Reply(
        list_name=shorten(clean(content.list_name), _NAME_MAX),
        what=lines[0].what,
        lines=tuple(dict.fromkeys(render_line(environment, _LINE, line=_values(one)) for one in lines)),
        commands=tuple(_commands(environment, lines)),
        answerable=content.answerable and lines[0].what not in {"prove", "unsubscribed"},
        postal_address=shorten(clean(content.postal_address), _POSTAL_MAX),
    )
    reply = replace(reply, subject=render_line(environment, "email/reply.subject.txt.j2", reply=reply))
    html = render_template(environment, "email/reply.html.j2", reply=reply)
    return Rendered(reply.subject, render_template(environment, "email/reply.txt.j2", reply=reply), html)


def _values(given: ReplyLine) -> _LineValues:
    values = tuple(shorten(clean(value), _VALUE_MAX) for value in given.values)
    first, second = (*values, "", "")[:2]
    return _LineValues(given.what, values, first, second, _day(first))


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
        if everything or wanted & _ROWS.get(verbs, {verbs}):
            yield written, meaning


_ROWS = {
    "more": {"more", "less", "save", "undo"},
    "add": {"add", "remove", "list"},
    "mute": {"mute", "unmute"},
    "hour": {"hour", "zone"},
    "size": {"size", "language"},
}
