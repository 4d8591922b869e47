"""Everything that comes back by mail or webhook: bounces, complaints and commands.

`mailboxes` receives mail, `reader` parses it in a confined process, `bounces` and `commands` understand it (pure),
`matching` proves which delivery a report belongs to, and `taking` applies the result in one transaction.
A report counts only if our own keys or a mail provider's signature prove it. Everything else waits for a person.
This package knows nothing about pages, ranking or how mail is sent.
"""
