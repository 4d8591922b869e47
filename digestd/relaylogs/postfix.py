"""Postfix: its queue manager names the sender once the message file is complete and synced (qmgr(8)).

Neither smtpd's refusals (`NOQUEUE: reject: … from=<…>`) nor cleanup's `message-id=` say that.
"""

import re

QUEUED = re.compile(
    rb".{1,120}? postfix[\w-]*/(?:[\w-]+/)?qmgr\[\d+\]: (?P<id>[0-9A-Za-z]{6,20}): "
    rb"from=<(?P<sender>[!-=?-~]{1,320})>, size="
)
