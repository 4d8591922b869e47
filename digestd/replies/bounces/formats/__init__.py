"""Formats of returned mail: one module with `parse` and one line in FORMATS each.

arf        complaint of a recipient, sent by their provider (RFC 5965)
dsn        report of a mail system (RFC 3464)
text       free text of older mail systems
automatic  out of office and other automatic replies: ignored

The first format that understands a mail decides, so strict formats come first.
"""

from collections.abc import Callable, Mapping

from digestd.replies.bounces.formats import arf, automatic, dsn, free_text
from digestd.replies.bounces.parsed_mail import ParsedMail
from digestd.replies.bounces.report import BounceReport

FORMATS: Mapping[str, Callable[[ParsedMail], BounceReport | None]] = {
    "arf": arf.parse,
    "dsn": dsn.parse,
    "text": free_text.parse,
    "automatic": automatic.parse,
}
"""Each parser returns None for a mail in another format, and a report of kind None for a mail to ignore."""
