"""Subscribers from sign-up to erasure, one at a time or by file.

Double opt-in, preferences, consent, feedback, private references and linked libraries, and webhooks to the
operator's own programs. Every function takes a database or a session and `now`; notices are ledger rows that the
worker sends. This package knows nothing about HTTP, templates or SMTP.
"""
