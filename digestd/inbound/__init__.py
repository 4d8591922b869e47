"""What comes back: bounces and complaints, by mail or from a provider, become scores and suppressions.

    opening   the mailbox that DIGESTD_INBOUND_URL names
    maildir   files in a Maildir            \\  read in passes
    imap      a mailbox at a mail provider  /
    lmtp      a local mail server hands each mail over
    reader    mails are read in a process of their own (confined)
    polling   one pass over a mailbox
    taking    one mail or event: whose is it, what follows; one transaction
    matching  which delivery it speaks of, proven by our keys
    posted    events of a provider's webhook
    certificates  what Amazon's posts are signed with

A report is genuine if it carries the return path of an attempt, which only we can make, or if a mail provider signed
it. A Message-ID and a link to unsubscribe travel with every forwarded mail and prove nothing. What is not genuine
changes nothing, and is kept for a person.
"""

from digestd.inbound.certificates import Certificates
from digestd.inbound.lmtp import Door
from digestd.inbound.opening import open_inbound
from digestd.inbound.polling import poll
from digestd.inbound.postbox import Postbox
from digestd.inbound.posted import take_events
from digestd.inbound.reader import Reader
from digestd.inbound.taking import Desk

__all__ = ["Certificates", "Desk", "Door", "Postbox", "Reader", "open_inbound", "poll", "take_events"]
