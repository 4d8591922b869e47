"""Replies: bounces, complaints and commands that come back by mail or webhook.

`mailboxes` receive mail, `MailParser` parses it in a confined process (`parsed_mail`, `inbound_mail`), and
`ReplyProcessor` applies it in one transaction. `process_events` does the same for the events of provider webhooks.
`bounces` and `commands` interpret a parsed mail, and `matching` proves which delivery it belongs to: by our own keys or
by the provider's signature. Everything without proof waits for the operator. This package knows nothing about pages,
ranking or how mail is sent.
"""
