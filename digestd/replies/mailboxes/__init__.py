"""Mailboxes for replies: Maildir and IMAP are polled, LMTP is served.

`open_inbound` opens the one that DIGESTD_INBOUND_URL names, `poll` reads a mailbox, `LmtpServer.listen` accepts mail.
Each mail is processed and committed before it is removed. This package does not know how mails are interpreted.
"""
