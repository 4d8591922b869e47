"""Delivery: from a ready ledger row to the relay's answer.

supply     claims in batches, hands out one at a time
sender     who sends, and under what name
composer   a claim's frozen inputs → the bytes of the mail
replay     a past digest composed again, and whether it is what was sent
receipts   what the relay answered while the database would not take it
committer  gate wishes and results of all lanes, one transaction a round
lane       one channel: compose, offer, gate, dot, record
shares     which route takes the next mail
canary     whether mails can be composed at all
room       whether the disk has room to record what is sent
pace       how fast it may go, to each route and recipient domain
alert      the operator told of a stopped lane
rests      which routes have failed and are left alone
outcomes   what an attempt's end means, for the ledger, the counts and the lane
verdicts   refusals that are judged once others have been tried
crew       all lanes of a run, and the routes that fail
road       a run: its parts put together, until nothing is ready or the run is stopped
recovery   what dead workers left
reconcile  what nobody knows the end of, settled by the relay's log
"""

from digestd.deliver.alert import webhook_alert
from digestd.deliver.composer import Composer
from digestd.deliver.reconcile import ReconcileReport, RelayLog, check_log_is_readable, reconcile, resend_uncertain
from digestd.deliver.recovery import recover
from digestd.deliver.replay import Replayed, replay
from digestd.deliver.run import DeliveryConfig, DeliveryReport, deliver
from digestd.deliver.run_counters import RunCounters
from digestd.deliver.sender import Sender

__all__ = [
    "Composer",
    "DeliveryConfig",
    "DeliveryReport",
    "ReconcileReport",
    "RelayLog",
    "Replayed",
    "RunCounters",
    "Sender",
    "check_log_is_readable",
    "deliver",
    "reconcile",
    "recover",
    "replay",
    "resend_uncertain",
    "webhook_alert",
]
