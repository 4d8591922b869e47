"""The forms in which mail comes back. A form is one file with `read`, and one line in FORMATS.

    arf        a reader's complaint, by way of their provider (RFC 5965)
    dsn        a mail system's report (RFC 3464)
    odd        what older systems write in free words
    automatic  out of office, challenges: nothing of it counts

The first that understands a mail decides, so the strict ones come first.
"""

from collections.abc import Callable, Mapping

from digestd.replies.bounces.formats import arf, automatic, dsn, free_text
from digestd.replies.bounces.parsed_mail import Mail
from digestd.replies.bounces.report import Finding

FORMATS: Mapping[str, Callable[[Mail], Finding | None]] = {
    "arf": arf.read,
    "dsn": dsn.read,
    "odd": free_text.read,
    "automatic": automatic.read,
}
