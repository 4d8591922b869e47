"""Digests: decide who is due and what each subscriber gets.

`plan` reads the day's papers, ranks them for one shard of subscribers after the other, selects the picks
(`selection`, pure) and freezes them as digests with their ledger rows in one transaction per shard. `preview` and
`explain` run the same code without writing. This package knows nothing about templates or how mail is sent.
"""
