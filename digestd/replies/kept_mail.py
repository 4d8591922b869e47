"""The mails that are kept for the operator: what they say, and when they are deleted.

Strangers wrote them, so the caller parses them in a confined process, and nothing of them is executed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from digestd.domain.delivery import SuppressionReason
from digestd.errors import BadRecord, NotFound
from digestd.replies.inbound_mail import InboundMail
from digestd.replies.mailboxes.mailbox import InboundMailbox, KeptMail, MailboxSession
from digestd.replies.parsed_mail import UnreadableMail
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.store import suppressions
from digestd.store.database import Database

LIST_MAX = 100
Parse = Callable[[bytes], InboundMail]


@dataclass(frozen=True, slots=True)
class KeptView:
    """Content of a kept mail, or the reason why it cannot be shown.

    Attributes:
        sender: The address in `From`, which proves nothing.
        text: The writer's own lines, without quotations.
    """

    number: int
    at: datetime
    sender: str
    subject: str
    text: tuple[str, ...] = ()
    problem: str = ""


def list_kept(mailbox: InboundMailbox, parse: Parse) -> list[KeptView]:
    """Return the newest kept mails. Raises InboundFailed."""
    with mailbox.open() as session:
        return [_view(session, mail, parse) for mail in islice(session.kept(), LIST_MAX)]


def show_kept(mailbox: InboundMailbox, number: int, parse: Parse) -> KeptView:
    """Return one kept mail. Raises NotFound, InboundFailed."""
    with mailbox.open() as session:
        return _view(session, _find(session, number), parse)


def delete_kept(mailbox: InboundMailbox, number: int) -> None:
    """Delete a kept mail. Raises NotFound, InboundFailed."""
    with mailbox.open() as session:
        session.discard(_find(session, number))


def delete_due(mailbox: InboundMailbox, before: datetime, parse: Parse, is_erased: "IsErased") -> int:
    """Delete the kept mails that came in before a time, and those that erased people wrote; return the number."""
    with mailbox.open() as session:
        due = [one for one in session.kept() if one.at < before or is_erased(_view(session, one, parse))]
        for mail in due:
            session.discard(mail)
    return len(due)


IsErased = Callable[[KeptView], bool]


def erasures(db: Database, keys: Keys) -> IsErased:
    """Return whether the sender of a mail was erased after it came in."""

    def is_erased(mail: KeptView) -> bool:
        try:
            key = address_key(keys, mail.sender)
        except BadRecord:
            return False
        with db.read() as session:
            found = suppressions.found_at(session, key)
        return found is not None and found[0] is SuppressionReason.ERASED and mail.at <= found[1]

    return is_erased


def _find(session: MailboxSession, number: int) -> KeptMail:
    for mail in session.kept():
        if mail.number == number:
            return mail
    raise NotFound(f"no mail {number} is kept; `digestd inbound list` shows the numbers")


def _view(session: MailboxSession, mail: KeptMail, parse: Parse) -> KeptView:
    raw = session.read(mail)
    problem = "too large or unreadable"
    if raw is not None:
        try:
            said = parse(raw)[1]
            return KeptView(mail.number, mail.at, said.sender, said.subject, said.lines)
        except UnreadableMail as error:
            problem = str(error)
    return KeptView(mail.number, mail.at, "", "", problem=problem)
