"""Frozen values that every other package shares, and pure functions on them.

Start with `paper`, `subscriber`, `digest` and `delivery` (the state machine of the ledger). This package imports
nothing from digestd but `errors`. It must not know the clock, the database, the network or templates.
"""
