"""Delivery: from a ready ledger row to the relay's answer.

supply     claims in batches, hands out one at a time
composer   a claim's frozen inputs → the bytes of the mail
replay     a past digest composed again, and whether it is what was sent
receipts   what the relay answered while the database would not take it
committer  gate wishes and results of all lanes, one transaction a round
lane       one channel: compose, offer, gate, dot, record
outcomes   what an attempt's end means, for the ledger, the counts and the lane
road       a run: some lanes until nothing is ready or the run is stopped
recovery   what dead workers left
"""

from digestd.deliver.composer import Composer, Sender
from digestd.deliver.recovery import recover
from digestd.deliver.replay import Replayed, replay
from digestd.deliver.road import DeliverReport, Delivery, deliver

__all__ = ["Composer", "DeliverReport", "Delivery", "Replayed", "Sender", "deliver", "recover", "replay"]
