"""Read Postfix's log.

    cleanup[…]: QUEUEID: message-id=<…>             the header has come, which does not prove that the mail was taken
    qmgr[…]: QUEUEID: from=<…>, size=…              the message file is complete and synced (qmgr(8)): taken
    smtp[…]: QUEUEID: to=<…>, relay=…               it was taken, and tried to deliver
    qmgr[…]: QUEUEID: removed                       it was taken, and is done with

Refusals by smtpd (`NOQUEUE: reject: … from=<…>`) have no queue id; cleanup writes `removed (canceled)` of a mail whose
client went away.
"""

import re

QUEUED = re.compile(
    rb".{1,120}? postfix[\w-]*/(?:[\w-]+/)?qmgr\[\d+\]: (?P<id>[0-9A-Za-z]{6,20}): "
    rb"from=<(?P<sender>[!-=?-~]{1,320})>, size="
)
NAMED = re.compile(
    rb".{1,120}? postfix[\w-]*/(?:[\w-]+/)?cleanup\[\d+\]: (?P<id>[0-9A-Za-z]{6,20}): "
    rb"message-id=(?P<message>[!-~]{1,320})"
)
DELIVERED = re.compile(
    rb".{1,120}? postfix[\w-]*/(?:[\w-]+/)?[\w-]{1,20}\[\d+\]: (?P<id>[0-9A-Za-z]{6,20}): "
    rb"to=<[!-=?-~]{1,320}>, (?:orig_to=<[!-=?-~]{1,320}>, )?relay="
)
REMOVED = re.compile(rb".{1,120}? postfix[\w-]*/(?:[\w-]+/)?qmgr\[\d+\]: (?P<id>[0-9A-Za-z]{6,20}): removed$")
