"""A database put back from a backup, or an install on another machine: noticed, and taken on by its operator."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from digestd.deliver import departures
from digestd.deliver.departures import Fate
from digestd.errors import NotAdopted
from digestd.links import Keys, envelope_from
from digestd.store.database import Database
from digestd.store.ledger import restore

BLOCK = 200
"""Mails settled in one transaction."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """How many mails were found to have been sent since the backup, and how many of unknown end there are."""

    accepted: int = 0
    uncertain: int = 0


def see_that_it_is_ours(db: Database, folder: Path, machine: str) -> None:
    """Refuse to send from a database that is older than what has been sent, or on a machine that has not sent before.

    Raises NotAdopted. The first machine to send takes the folder.
    """
    owner = departures.owner_of(folder)
    if machine and owner and owner != machine:
        raise NotAdopted(
            "this install sent its mails from another machine: if that one is at rest, `digestd adopt` goes on here; "
            "a copy for trying needs DIGESTD_TRANSPORT_URL=maildir:… and a folder of its own in DIGESTD_RECEIPTS_DIR"
        )
    last = departures.last(folder)
    if last is not None:
        delivery, attempt, mail = last
        with db.read() as session:
            known = restore.sent_message_id(session, delivery, attempt)
        if known is None or departures.hashed(known) != mail:
            raise NotAdopted(
                "the database is older than the mails that were sent with it, as after a backup was put back: "
                "`digestd adopt` notes what had been sent, so that nothing goes twice, and goes on from there; "
                "where two databases share a folder, give each its own DIGESTD_RECEIPTS_DIR"
            )
    if not owner:
        departures.claim_folder(folder, machine)


def adopt(db: Database, keys: Keys, bounce: str, folder: Path, machine: str, now: datetime) -> Adopted:
    """Note in the ledger what had left since the backup was made, and go on here; safe to repeat.

    Plan what is due first: a digest that is not planned yet would go a second time. `bounce`: the mailbox of
    return paths.
    """
    fates = departures.read(folder)
    with db.read() as session:
        waiting = [mail for mail in restore.open_deliveries(session) if departures.hashed(mail.message_id) in fates]
    done = {Fate.ACCEPTED: 0, Fate.UNKNOWN: 0, Fate.REFUSED: 0}
    for begin in range(0, len(waiting), BLOCK):
        with db.write() as session:
            for mail in waiting[begin : begin + BLOCK]:
                left, fate = fates[departures.hashed(mail.message_id)]
                path = envelope_from(keys, left.delivery, left.attempt, bounce)
                if fate is not Fate.REFUSED:
                    done[fate] += restore.apply_sent(session, mail, left, path, fate is Fate.ACCEPTED)
    with db.write() as session:
        restore.reserve_numbers(session, max((left.delivery for left, _ in fates.values()), default=0) + 1, now)
    departures.adopted(folder, machine, now)
    return Adopted(done[Fate.ACCEPTED], done[Fate.UNKNOWN])
