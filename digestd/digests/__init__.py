"""Digests: decide who is due and what each subscriber gets.

`planner` reads the day's papers (`planning_day`), ranks them for one shard of subscribers after the other (`shard`),
chooses the picks (`picks`, and the pure `selection`) and freezes them as digests with their ledger rows in one
transaction per shard. `anonymous_preview` and `explanation` run the same code without writing. This package knows
nothing about templates or how mail is sent.
"""
