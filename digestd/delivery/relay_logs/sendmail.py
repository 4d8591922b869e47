"""Read Sendmail's log: one line with the sender of a collected message.

Source: Sendmail Operations Guide, section 2.1.2.
"""

import re

QUEUED = re.compile(
    rb".{1,120}? (?:sendmail|sm-mta)\[\d+\]: (?P<id>[0-9A-Za-z]{8,20}): "
    rb"from=<(?P<sender>[!-=?-~]{1,320})>, size=\d+, class=-?\d+, nrcpts=[1-9]"
)
NAMED = re.compile(rb".{1,900}?, nrcpts=\d{1,9}, .{0,100}?msgid=(?P<message>[!-~]{1,320}),")
"""The same line, further on."""
