"""Subscribers come and go: asking, confirming, settings, leaving; one by one or by the file.

    record      what is said of a subscriber: checked on the way in, written on the way out
    notices     mails to one subscriber, put into the ledger
    asking      double opt-in: ask, confirm, decline, and the purge of what nobody confirmed
    leaving     unsubscribe, pause, resume, suppress, erase
    keeping     the operator, or a program of theirs, adds and edits
    feedback    what somebody thinks of a paper, said for them by the operator
    picked      the same said by themselves, of a pick of their digest
    files       JSONL and CSV, a line at a time
    importing   many at once, in blocks
    liking      papers of somebody's own references, as liked

What is changed here takes effect when it commits; mail that waits is stopped at the gate of delivery.
"""

from digestd.subscribe.asking import TooOld, ask, confirm, remind
from digestd.subscribe.importing import SubscriberImportReport, exported, import_subscribers, rehearse_import
from digestd.subscribe.keeping import Change, add, edit, take_in
from digestd.subscribe.leaving import NoConsent, erase, find, pause, resume, suppress, unsubscribe
from digestd.subscribe.notices import Post
from digestd.subscribe.record import CheckedRecord, Record, check, parse

__all__ = [
    "Change",
    "CheckedRecord",
    "NoConsent",
    "Post",
    "Record",
    "SubscriberImportReport",
    "TooOld",
    "add",
    "ask",
    "check",
    "confirm",
    "edit",
    "erase",
    "exported",
    "find",
    "import_subscribers",
    "parse",
    "pause",
    "rehearse_import",
    "remind",
    "resume",
    "suppress",
    "take_in",
    "unsubscribe",
]
