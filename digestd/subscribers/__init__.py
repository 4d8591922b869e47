"""Subscribers from sign-up to erasure, one at a time or by file.

Sign-up by double opt-in (`signup`), preferences and confirmed actions by link (`settings_link`, `confirmed_actions`,
`address_change`), status (`status_changes`; `suppression` for the operator, that by bounces is in `delivery.bounces`),
feedback, private references (`reference_import`) and linked libraries, files (`importing`), `personal_data`, and
webhooks to the operator's programs. `subscriber_record` checks all settings. Functions take a database or a session and
`now`; mails are planned as notices in the ledger. This package must not know HTTP requests, templates or SMTP.
"""
