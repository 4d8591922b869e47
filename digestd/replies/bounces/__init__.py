"""Bounces and complaints, understood: pure functions from bytes to what they say, and from that to a score.

    mail       a mail taken apart within bounds
    formats/   the forms in which mail comes back, one file each
    reading    which form, what it says, what in it may name a mail of ours
    status     what a failure means for the address
    score      when an address has failed too often
    brake      when so many fail at once that it cannot be the readers
    providers/ what mail providers post to a webhook, one file each, signatures checked

Nothing here decides whether a report is genuine: that takes the keys and the ledger, and is `inbound`'s.
"""
