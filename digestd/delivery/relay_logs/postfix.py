"""Read Postfix's log.

Its queue manager logs the sender once the message file is complete and synced (qmgr(8)).

Refusals by smtpd (`NOQUEUE: reject: … from=<…>`) and cleanup's `message-id=` do not prove that.
"""

import re

QUEUED = re.compile(
    rb".{1,120}? postfix[\w-]*/(?:[\w-]+/)?qmgr\[\d+\]: (?P<id>[0-9A-Za-z]{6,20}): "
    rb"from=<(?P<sender>[!-=?-~]{1,320})>, size="
)
