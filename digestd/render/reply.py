"""The answer to a mail: values in, words out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from digestd.domain.reply import Told
from digestd.domain.sanitise import clean, shorten
from digestd.render.content import Rendered, ReplyContent
from digestd.render.mail import line, printed
from digestd.render.templates import MailEnvironment, Templates

_NAME_MAX, _POSTAL_MAX, _VALUE_MAX = 60, 300, 200


@dataclass(frozen=True, slots=True)
class _Told:
    """One thing that is told, as its template reads it. `day`: the first value, where it is a date."""

    what: str
    values: tuple[str, ...]
    first: str
    second: str
    day: date | None


@dataclass(frozen=True, slots=True)
class _Reply:
    """What the templates of a reply are given. `what`: the first thing told; `commands`: (as written, meaning)."""

    list_name: str
    what: str
    lines: tuple[str, ...]
    commands: tuple[tuple[str, str], ...]
    answerable: bool
    postal_address: str
    subject: str = ""


def render_reply(templates: Templates, content: ReplyContent) -> Rendered:
    """The mail that answers commands."""
    environment = templates.environment(content.language)
    told = content.told or (Told("help"),)
    reply = _Reply(
        list_name=shorten(clean(content.list_name), _NAME_MAX),
        what=told[0].what,
        lines=tuple(dict.fromkeys(line(environment, "email/told.txt.j2", told=_told(one)) for one in told)),
        commands=tuple(_commands(environment, told)),
        answerable=content.answerable and told[0].what not in {"prove", "unsubscribed"},
        postal_address=shorten(clean(content.postal_address), _POSTAL_MAX),
    )
    reply = replace(reply, subject=line(environment, "email/reply.subject.txt.j2", reply=reply))
    html = printed(environment, "email/reply.html.j2", reply=reply)
    return Rendered(reply.subject, printed(environment, "email/reply.txt.j2", reply=reply), html)


def _told(told: Told) -> _Told:
    values = tuple(shorten(clean(value), _VALUE_MAX) for value in told.values)
    first, second = (*values, "", "")[:2]
    return _Told(told.what, values, first, second, _day(first))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _commands(environment: MailEnvironment, told: tuple[Told, ...]) -> Iterator[tuple[str, str]]:
    """The commands as a table: all of them where help is given, else those that were not clear."""
    wanted = {(*one.values, "")[0] for one in told if one.what == "unclear"}
    everything = any(one.what == "help" for one in told)
    for row in printed(environment, "email/commands.txt.j2").splitlines():
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
