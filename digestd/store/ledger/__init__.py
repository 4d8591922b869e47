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
from digestd.store.ledger.commit_point import CommitDecision, CommitRequest, commit_sends
from digestd.store.ledger.create import NewDigest, NewNotice, RankingInputs, already_planned, plan_digests, plan_notice
from digestd.store.ledger.indexes import force_index_scans
from digestd.store.ledger.offered import OfferedDigest, offer_uncertain, offered_by
from digestd.store.ledger.recovery import recover, release
from digestd.store.ledger.refusals import RefusalCounts, count_waiting, judge_refusals
from digestd.store.ledger.restore import SentAttempt
from digestd.store.ledger.results import AttemptResult, record_journalled, record_results
from digestd.store.ledger.settlement import GRACE, SettlementProof, settle, settle_all_bounced, settle_bounced
from digestd.store.ledger.uncertain import UncertainDelivery, commit_times, count_long_uncertain, uncertain_deliveries

__all__ = [
    "GRACE",
    "AttemptResult",
    "Claimed",
    "Claimer",
    "CommitDecision",
    "CommitRequest",
    "NewDigest",
    "NewNotice",
    "OfferedDigest",
    "RankingInputs",
    "RefusalCounts",
    "SentAttempt",
    "SettlementProof",
    "UncertainDelivery",
    "already_planned",
    "claim",
    "commit_sends",
    "commit_times",
    "count_long_uncertain",
    "count_waiting",
    "expire",
    "force_index_scans",
    "judge_refusals",
    "offer_uncertain",
    "offered_by",
    "plan_digests",
    "plan_notice",
    "record_journalled",
    "record_results",
    "recover",
    "release",
    "settle",
    "settle_all_bounced",
    "settle_bounced",
    "uncertain_deliveries",
]
