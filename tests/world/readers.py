"""The readers that are measured: one function and one line in READERS each.

A reader gets the bytes of one item and returns its answers as labels, the same that `expected.jsonl` uses. A reader
with several answers per item (authors, DOI, date) returns one label for each, such as `doi=10.1/x`: all that are
expected must be among them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from digestd.domain.bounce_rules import kind_of
from digestd.replies.bounces.formats import classify
from digestd.replies.parsed_mail import UnreadableMail, parse_mail
from tests.world.identity import read_pair
from tests.world.imports import read_references
from tests.world.sources import read_answer

UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader.

    Attributes:
        read: Returns the labels of an item; UNREAD if it is refused. Anything it raises counts as a crash.
        harmful: The label that does harm if it is wrong, counted apart; "" for none.
        any_of: True if one of the expected labels is enough, False if all are needed.
    """

    read: Callable[[bytes], frozenset[str]]
    harmful: str = ""
    any_of: bool = False


def read_bounce(raw: bytes) -> frozenset[str]:
    """Return the kind of a returned mail, `nothing` for one to ignore, or `unread`."""
    try:
        report = classify(parse_mail(raw)).report
    except UnreadableMail:
        return frozenset({UNREAD})
    return frozenset({UNREAD if report is None else str(report.kind or "nothing")})


def read_reply(raw: bytes) -> frozenset[str]:
    """Return the kind of a permanent or temporary SMTP reply."""
    return frozenset({str(kind_of("", raw.decode()))})


READERS: Mapping[str, Reader] = {
    "bounces": Reader(read_bounce, harmful="hard", any_of=True),
    "sources": Reader(read_answer),
    "replies": Reader(read_reply, harmful="hard", any_of=True),
    "identity": Reader(read_pair, harmful="same"),
    "imports": Reader(read_references),
}
