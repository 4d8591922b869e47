"""Mail: turn frozen content into the bytes of a message.

Pure, apart from reading templates and the DKIM key.

`content` defines what a mail may show, `templates` loads the operator's or the built-in templates in every language,
`mime` builds the message, `dkim` signs it. Pages, feeds and citations share the same view of a paper.
This package knows nothing about the database, SMTP or who is due.
"""
