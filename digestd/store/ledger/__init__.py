"""The ledger: one row per mail, from planning to its final state.

    create           planning: digests, programmes, notices, the audit of who was due
    claim_queue      a worker leases what is ready; conditions in the words of the partial indexes
    commit_point     consent and lease are checked again, and `final_dot` is committed before the final dot is sent
    results          the relay's reply; refusals that delivery.bounces has judged as final
    settlement       what a dead worker left, and mails whose result is unknown, until evidence settles them
    restore          mails that left after the backup a database was restored from; the sent journals
    resending        digests that can be sent again
    seen_papers      which papers each subscriber has had
    sent_digests     what was sent, with the feedback on it
    queries          deliveries for the CLI, pages and previews
    command_answers  what our answers to commands say
    packing          picks, history and seen papers as the columns hold them

Every change is a compare-and-set on state, attempt and owner; whoever comes second changes nothing. The ledger knows
nothing of SMTP: it takes results and returns claims.
"""

from digestd.store.ledger.claim_queue import claim, claim_these, divert, expire, force_index_scans
from digestd.store.ledger.commit_point import commit_sends
from digestd.store.ledger.create import Notice, plan_copy, plan_digests, plan_notice, plan_programme, stored_digests
from digestd.store.ledger.results import count_waiting, record_journalled, record_results
from digestd.store.ledger.settlement import (
    count_long_uncertain,
    offer_uncertain,
    release,
    settle_all_bounced,
    settle_bounced,
)

__all__ = [
    "Notice",
    "claim",
    "claim_these",
    "commit_sends",
    "count_long_uncertain",
    "count_waiting",
    "divert",
    "expire",
    "force_index_scans",
    "offer_uncertain",
    "plan_copy",
    "plan_digests",
    "plan_notice",
    "plan_programme",
    "record_journalled",
    "record_results",
    "release",
    "settle_all_bounced",
    "settle_bounced",
    "stored_digests",
]
