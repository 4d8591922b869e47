"""Parse bounces that are only text, of qmail, Exim, Postfix, DragonFly, Yahoo, gateways and others.

A mail from a mail system is a bounce if its text says so, in the words below or in a form that flufl.bounce knows.
A mail from anybody else needs a subject of a bounce as well, and is never a hard bounce, because a person may quote
anything.

flufl.bounce gets a new message that holds only the text, bounded in size and line length: its patterns were not
written for hostile input. It finds addresses that failed, but not why; the kind comes from the table of bounce rules.

Source: https://fluflbounce.readthedocs.io/
"""

import re
from email.message import Message
from email.policy import compat32

from flufl.bounce import all_failures

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_status import kind_of, status_in
from digestd.replies.bounces.formats import automatic
from digestd.replies.bounces.parsed_mail import ParsedMail
from digestd.replies.bounces.report import BounceReport

_HEADERS = ("from", "subject", "x-failed-recipients", "to", "x-mailer")
_TEXT_CHARS_MAX = 16 * 1024
_ORIGINAL = re.compile(
    r"^[ >]*-{2,} *(below|original|returned|this is a copy|the header|unsent|enclosed)"
    r"|^-+ ?(original message|returned mail|start of)"
    r"|^ *(below is a copy|message headers follow|original message follows|your message reads)"
    r"|^received: (from|by) |^return-path: ",
    re.IGNORECASE | re.MULTILINE,
)
_OUR_SUBJECT = re.compile(r"^.{0,30}\b(subject|betreff|objet|asunto)\b.{0,10}:.*$", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(
    r"(said|returned was|respond(ed|s) with[^:\n]{0,40}|responded as follows|server message|diagnostic-code|reason"
    r"|because of)[: ]",
    re.IGNORECASE,
)
"""What introduces the reply of the other server."""
_SUBJECT = re.compile(
    r"^(?!(re|fwd?|aw|wg|tr|rv):).{0,200}"
    r"(undeliver|non[- ]?deliver|(not|n't|never) (be )?deliver|fail(ure|ed)\b|returned (mail|to sender)"
    r"|delivery (status|error)|bounce|non remis|mail system error)",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"(not|n't|never|unable to|impossible to) (be |yet )?(been |able to )?(deliver|reach|receive)"
    r"|undeliver|non[- ]?deliver|not delivered|could not be sent|trouble delivering"
    r"|(delivery|mail|message)( \w+){0,5} (has |was )?(fail|reject|abort|refus)"
    r"|fail(ed|ure) (to deliver|permanently|recipient|reason)|delivery (fail|error|problem)|error.{0,60}deliver"
    r"|permanent (fatal )?error|fatal error|following (address|recipient)|returned (mail|message)|transcript of session"
    r"|action: ?failed|invalid (user|final)|unknown user|account is disabled|envelope expired|incorrectly constructed"
    r"|your message to .{0,80}(reject|exceed|cannot)|(<<<|>>>) ?5\d\d|: 5\d\d[ -]|^5\d\d[ -]"
    r"|nicht zugestellt|送信でき|配信できません|配送できません|无法送达|不能送达|не (может быть|была?) достав|недостав",
    re.IGNORECASE | re.MULTILINE,
)
_DELAYED = re.compile(
    r"warning message only|advisory-only|(will|being) (be )?retried|will (continue|keep|be attempted)"
    r"|continue to (try|be made)|delivery .{0,40}(has been |was )?(delayed|postponed)|action: ?delayed|is delayed for"
    r"|not (yet )?been delivered yet|has not yet been delivered|do not need to (resend|retry)",
    re.IGNORECASE,
)


def parse(mail: ParsedMail) -> BounceReport | None:
    """Return the failure that the text describes, or None if it is not recognised."""
    by_system = mail.is_from_mail_system or mail.report_type == "delivery-status"
    if automatic.parse(mail) is not None or not (by_system or _SUBJECT.search(mail.fields.first("subject"))):
        return None
    text = without_original(mail.plain_text[:_TEXT_CHARS_MAX])
    delayed, failed = _find_addresses(mail)
    if not delayed and not failed:
        delayed = _DELAYED.search(text) is not None
        failed = _FAILED.search(text) is not None or bool(mail.fields.first("x-failed-recipients"))
    if delayed and not (failed and by_system and "permanent" in text.lower()):
        return BounceReport(BounceKind.DELAYED, status_in(text))
    if not failed:
        return None
    kind = kind_of("", quoted_reply(text), text)
    return BounceReport(kind if by_system or kind is not BounceKind.HARD else BounceKind.SOFT, status_in(text))


def without_original(text: str) -> str:
    """Cut off the copy of our own mail and its subject, whose words would be misread as a bounce."""
    copy = _ORIGINAL.search(text)
    return _OUR_SUBJECT.sub("", text[: copy.start()] if copy else text)


def quoted_reply(text: str) -> str:
    """Return the paragraph with the first quoted reply of another server, or "" if none is quoted."""
    found = _QUOTED.search(text)
    return text[found.end() :].lstrip().partition("\n\n")[0] if found else ""


def _find_addresses(mail: ParsedMail) -> tuple[bool, bool]:
    """Return whether flufl.bounce finds an address that is delayed, and one that failed."""
    try:
        delayed, failed = all_failures(_bounded_message(mail))
    except Exception:  # a detector that fails has not understood the mail
        return False, False
    return bool(delayed), bool(failed)


def _bounded_message(mail: ParsedMail) -> "Message[str, str]":
    """Return a new message with the plain text and few headers, for flufl.bounce."""
    message: Message[str, str] = Message(policy=compat32)
    if not mail.fields.first("from"):
        message["from"] = "<>"
    for name in _HEADERS:
        for value in mail.fields.all(name)[:1]:
            message[name] = value
    message.set_type(mail.content_type if mail.content_type.startswith("text/") else "text/plain")
    message.set_payload(mail.plain_text[:_TEXT_CHARS_MAX].encode("ascii", "replace").decode())
    return message
