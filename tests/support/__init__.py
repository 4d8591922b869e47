"""Real counterparts for tests: relays, installations, processes to kill.

relay       an SMTP server of our own that misbehaves on demand and counts what it took
postfix     smtp-sink, smtp-source and a private Postfix
library     papers and subscribers of invented words
install     a digestd on a database: planned, ready to deliver
forks       digestd commands as processes of their own, without its imports each time
"""
