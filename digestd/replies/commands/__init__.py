"""What subscribers write to the command address: a mail becomes commands. Pure; nothing here knows who may say what.

letter   a mail as its writer meant it: their own lines, without quotes, signature and HTML
authentication  what a mail server says of the sender (RFC 8601)
markup   the lines of a mail that is HTML alone
reading  a mail read for both that it may be, a bounce and a letter
words    what each command is called, in each language
parsing  lines into commands
"""
