"""The ledger: every mail's row, from planning to its counted end.

    births     planning: digests, notices, who was due
    claims     a worker leases what is ready
    gate       the point of no return: consent and lease rechecked, `dot` committed
    results    the relay's answer
    recovery   what a dead worker left behind
    held       what may not have arrived, offered by the next digest
    open_ends  what nobody knows the end of
    settling   that, settled from evidence
    adoption   what had left of a database put back from a backup
    seen       which papers each subscriber has had
    reading    the ledger as people see it
    verdicts   refusals: rejected for good, or too many at once to be about the readers
    work       what is not over, as its indexes know it

Every change is a compare-and-set on state, attempt and owner; the loser changes nothing.
"""

from digestd.store.ledger.claim_queue import Claimed, Claimer, claim, expire
from digestd.store.ledger.commit_point import Gated, Pass, pass_gate
from digestd.store.ledger.create import NewDigest, NewNotice, Ranked, plan_digests, plan_notice, planned_for
from digestd.store.ledger.indexes import by_index
from digestd.store.ledger.offered import Held, offer_held, offered
from digestd.store.ledger.recovery import recover, release
from digestd.store.ledger.refusals import Verdicts, pronounce, waiting
from digestd.store.ledger.restore import Departed
from digestd.store.ledger.results import Result, record, record_kept
from digestd.store.ledger.settle import GRACE, Proof, settle, settle_all_bounced, settle_bounced
from digestd.store.ledger.uncertain import OpenEnd, answered_at, long_uncertain, open_ends

__all__ = [
    "GRACE",
    "Claimed",
    "Claimer",
    "Departed",
    "Gated",
    "Held",
    "NewDigest",
    "NewNotice",
    "OpenEnd",
    "Pass",
    "Proof",
    "Ranked",
    "Result",
    "Verdicts",
    "answered_at",
    "by_index",
    "claim",
    "expire",
    "long_uncertain",
    "offer_held",
    "offered",
    "open_ends",
    "pass_gate",
    "plan_digests",
    "plan_notice",
    "planned_for",
    "pronounce",
    "record",
    "record_kept",
    "recover",
    "release",
    "settle",
    "settle_all_bounced",
    "settle_bounced",
    "waiting",
]
