"""Delivery: from a ready ledger row to the relay's answer.

claim_queue  claims in batches, hands out one at a time, releases the rest
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

from digestd.deliver.alert import webhook
from digestd.deliver.composer import Composer
from digestd.deliver.reconcile import Reconciled, RelayLog, reconcile, see_that_it_can_be_read, send_again
from digestd.deliver.recovery import recover
from digestd.deliver.replay import Replayed, replay
from digestd.deliver.road import DeliverReport, Delivery, deliver
from digestd.deliver.sender import Sender
from digestd.deliver.tally import Tally

__all__ = [
    "Composer",
    "DeliverReport",
    "Delivery",
    "Reconciled",
    "RelayLog",
    "Replayed",
    "Sender",
    "Tally",
    "deliver",
    "reconcile",
    "recover",
    "replay",
    "see_that_it_can_be_read",
    "send_again",
    "webhook",
]
