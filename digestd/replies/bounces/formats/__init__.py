"""The forms in which mail comes back. A form is one file with `read`, and one line in FORMATS.

    arf        a reader's complaint, by way of their provider (RFC 5965)
    dsn        a mail system's report (RFC 3464)
    odd        what older systems write in free words
    automatic  out of office, challenges: nothing of it counts

The first that understands a mail decides, so the strict ones come first.
"""

from collections.abc import Callable, Mapping

from digestd.replies.bounces.finding import Finding
from digestd.replies.bounces.formats import arf, automatic, dsn, odd
from digestd.replies.bounces.mail import Mail

FORMATS: Mapping[str, Callable[[Mail], Finding | None]] = {
    "arf": arf.read,
    "dsn": dsn.read,
    "odd": odd.read,
    "automatic": automatic.read,
}
