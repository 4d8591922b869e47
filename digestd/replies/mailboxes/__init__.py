"""The mailboxes that replies arrive in: Maildir, IMAP and LMTP, one module each."""
