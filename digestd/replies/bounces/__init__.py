"""Bounces and complaints: pure functions from mail or webhook to a typed report.

`classify` tries the `formats` of a parsed mail, and `providers` verify and parse the webhooks of mail providers (one
module each). This package does not decide whether a report is genuine: that takes the keys and the ledger, see
`digestd.replies.matching`.
"""
