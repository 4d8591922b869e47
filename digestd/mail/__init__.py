"""Mail: turn frozen content into the bytes of a message.

Pure, apart from reading templates and the DKIM key.

`content` defines what a mail may show and `paper_view` what of a paper; `digest` assembles a digest from `fragments`,
`rendering` everything else. `templates` loads the operator's or the built-in templates in every language, `mime` builds
the message, `dkim` signs it, `lint` checks it. `outlets` are files and feeds. Pages share the same view of a paper.
This package knows nothing about the database, SMTP or who is due.
"""
