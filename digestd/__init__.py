"""digestd: the day's new papers as one personal e-mail per subscriber.

     source ──► fetch ──► papers ──► digest ─────────────► delivery ──► transport
     request,   HTTP,     identity,  due, rank, pick,      assemble,     SMTP /
     parse      limits    merge      freeze, ledger row    commit, send  Maildir
                                                           record   ◄── bounces, replies
     scheduler or job engine: only ticks; what is due is in the database

Stages meet only in the database, so each can be run by hand, killed, or moved to another machine. Imports go down only;
deploy/docs/architecture.md has the map of the packages, made from the import contract and their docstrings.
"""

__version__ = "0.1.0"
