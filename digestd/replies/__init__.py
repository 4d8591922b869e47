"""Replies: mail that comes back (inbound): bounces, complaints and commands, by mail or webhook.

`mailboxes` receive mail, `MailParser` parses it in a confined process (`parsed_mail`, `inbound_mail`), and
`ReplyProcessor` applies it in one transaction. `process_events` does the same for the events of provider webhooks.
`bounces` and `commands` interpret a parsed mail, and `matching` proves which delivery it belongs to: by our own keys or
by the provider's signature. Everything without proof waits for the operator. What a bounce does to its address is
decided in `delivery.bounces`. This package knows nothing about pages, ranking or connections to relays.
"""
