"""Bounces and complaints: pure functions from mail or webhook to a typed report.

`parse_mail` parses a mail within size limits, `classify` tries the `formats` (one module each), and `providers` verify
and parse the webhooks of mail providers (one module each). This package does not decide whether a report is genuine:
that takes the keys and the ledger, see `digestd.replies.matching`.
"""
