"""Delivery: from a ready ledger row to the relay's answer.

`deliver` runs until nothing is ready. Each connection claims a mail, composes it, passes the commit point, sends the
final dot and records the answer. `transports` carry the mail, `reconcile` settles uncertain deliveries from
`relay_logs`, and `replay` rebuilds a past digest. This package knows nothing about ranking or pages.
"""
