"""Delivery: from a ready ledger row to the relay's answer.

`run.deliver` sends what is ready. Each sending worker claims a mail, composes it, passes the commit point, sends the
final dot and records the answer. `transports` carry the mail, `reconcile` settles uncertain deliveries from
`relay_logs`, and `replay` rebuilds a past digest. This package knows nothing about ranking or pages.
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
