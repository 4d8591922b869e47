"""Parse an inbound mail as a command: its sender and the writer's own lines. Pure."""

import re
from dataclasses import dataclass
from email.utils import getaddresses
from itertools import zip_longest

from digestd.replies.bounces.formats import has_automatic_headers
from digestd.replies.commands.authentication import (
    NOT_AUTHENTICATED,
    AuthenticationResult,
    parse_authentication_results,
)
from digestd.replies.parsed_mail import (
    TEXT_CHARS_MAX,
    HeaderFields,
    ParsedMail,
    html_to_lines,
    replace_surrogates,
)
from digestd.replies.subjects import SUBJECT_MAX, read_subject

LINES_MAX = 40
RECIPIENTS_MAX = 20
_BULK_PRECEDENCE = frozenset({"bulk", "list", "junk", "auto_reply", "auto-reply"})
_LIST_HEADERS = ("list-id", "list-unsubscribe", "list-post", "list-help", "mailing-list", "x-mailing-list")
_AUTOMATED_LOCAL_PARTS = frozenset({"noreply", "no-reply", "donotreply", "do-not-reply", "bounce", "bounces", "root"})
_AUTOMATED_ENDS = ("-request", "-owner", "-bounces")
_ADDR_SPEC = re.compile(r"[^\s<>,;:\"@]{1,64}@[^\s<>,;:\"@]{1,255}")
_NAME_ADDR = re.compile(r"([^<>]{0,500})<([^\s<>,;:\"@]{1,64}@[^\s<>,;:\"@]{1,255})>")
_QUOTED_STRING = re.compile(r'"(?:[^"\\]|\\.){0,200}"')
_MESSAGE_ID = re.compile(r"<[!#-;=?-~]{1,250}>")
_QUOTE_INTRO = re.compile(
    r"-{2,}\s*(original|ursprüngliche|forwarded|weitergeleitete|reply|antwort)"
    r"|(on|am|le|el|op|il)\b.*\d|_{5,}$|(from|von|van|de|da|sent|gesendet|betreff|subject)\s*:\s"
    r"|(?=.{0,400}@)(?=.{0,400}\d{4}).{0,600}[:：]$"
    r"|(od|от|від|fra|från|lähettäjä|feladó|kimden|发件人|發件人|寄件者|差出人|보낸 ?사람)\s*[:：]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CommandMail:
    """A mail to the command address.

    Attributes:
        sender: The address in `From`; "" if there is none or more than one. It proves nothing.
        subject: Decoded subject on one line.
        lines: Lines of the writer, without quotes, signature and markup.
        automatic: True if the headers tell that a program or a mailing list sent it, so nothing may answer it (RFC 3834
            section 2).
        id: Message-ID, or "" if it is malformed and must not be copied into our headers.
        recipients: Lower-case addresses in `To` and `Cc`.
        authentication: DMARC result of the server that received the mail.
    """

    sender: str
    subject: str
    lines: tuple[str, ...]
    automatic: bool
    id: str = ""
    recipients: tuple[str, ...] = ()
    authentication: AuthenticationResult = NOT_AUTHENTICATED


def parse_command_mail(mail: ParsedMail) -> CommandMail:
    """Return the command mail of a parsed mail."""
    fields, sender = mail.fields, _sender(mail.fields)
    recipients = [address.lower() for _, address in getaddresses(fields.all("to", "cc")) if address]
    return CommandMail(
        sender=sender,
        subject=read_subject(fields),
        lines=tuple(_own_lines(_lines(mail)))[:LINES_MAX],
        automatic=_is_automatic(mail, sender),
        id=fields.first("message-id") if _MESSAGE_ID.fullmatch(fields.first("message-id")) else "",
        recipients=tuple(dict.fromkeys(recipients))[:RECIPIENTS_MAX],
        authentication=parse_authentication_results(mail.authentication_results),
    )


def is_within_limits(mail: CommandMail) -> bool:
    """Return True if `parse_command_mail` could have returned this value.

    Replies quote its texts, so they must not be longer or contain line ends.
    """
    texts = (mail.subject, *mail.lines)
    return (
        (not mail.sender or _ADDR_SPEC.fullmatch(mail.sender) is not None)
        and (not mail.id or _MESSAGE_ID.fullmatch(mail.id) is not None)
        and len(mail.subject) <= SUBJECT_MAX
        and len(mail.lines) <= LINES_MAX
        and len(mail.recipients) <= RECIPIENTS_MAX
        and all(len(text) <= TEXT_CHARS_MAX and text == " ".join(replace_surrogates(text).split()) for text in texts)
    )


def _sender(fields: HeaderFields) -> str:
    """Return the address in `From`, or "" if another parser could find another one."""
    values = fields.all("from")
    if len(values) != 1:
        return ""
    value = values[0].strip()
    if _ADDR_SPEC.fullmatch(value):
        return value
    angled = _NAME_ADDR.fullmatch(value)
    if angled is None:
        return ""
    name = _QUOTED_STRING.sub("", angled[1]).strip()
    is_unambiguous = name.lower() == angled[2].lower() or not any(mark in name for mark in '@,;:"')
    return angled[2] if is_unambiguous else ""


def _lines(mail: ParsedMail) -> list[str]:
    plain = [line for part in mail.parts if part.type == "text/plain" for line in part.text.splitlines()]
    if any(line.strip() for line in plain):
        return plain
    return [line for part in mail.parts if part.type == "text/html" for line in html_to_lines(part.text)]


def _own_lines(lines: list[str]) -> list[str]:
    """Return the lines before the signature (RFC 3676 section 4.3) or the quotation, or those below a quotation."""
    own: list[str] = []
    texts = [text for line in lines if (text := " ".join(line.split()))]
    for text, following in zip_longest(texts, texts[1:], fillvalue=""):
        is_intro = _QUOTE_INTRO.match(text) is not None
        if text == "--" or (is_intro and (own or not following.startswith(">"))):
            break
        if not (is_intro or text.startswith((">", "|"))):
            own.append(text)
    return own


def _is_automatic(mail: ParsedMail, sender: str) -> bool:
    fields, local = mail.fields, sender.partition("@")[0].lower()
    return (
        mail.is_from_mail_system
        or has_automatic_headers(mail)
        or fields.first("precedence").lower() in _BULK_PRECEDENCE
        or any(fields.first(name) for name in _LIST_HEADERS)
        or "<>" in fields.all("return-path")
        or mail.content_type == "multipart/report"
        or local in _AUTOMATED_LOCAL_PARTS
        or local.startswith("owner-")
        or local.endswith(_AUTOMATED_ENDS)
    )
