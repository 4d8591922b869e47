"""Delivery: from a ready ledger row to the relay's answer.

`deliver` (`run`) sends until nothing is ready. Each `sending_worker` claims a mail (`claim_queue`), composes it
(`composer`), passes the commit point (`group_commit`), sends the final dot over one of the `transports` and records the
answer (`attempt_recorder`). `retry` and `relays` decide when to try again. `bounces` decides what refusals and bounces
mean for an address, also for those that `replies` receives. `reconcile` settles uncertain deliveries from `relay_logs`,
`recovery` and `journals` act after a crash or a restore, `chat_rooms` posts to chat rooms, and `replay` and `resend`
repeat past digests. This package knows nothing about pages.
"""
