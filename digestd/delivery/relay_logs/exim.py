"""Read Exim's main log, which marks an arrived message with `<=`.

Source: Exim specification, chapter "Log files".
"""

import re

QUEUED = re.compile(
    rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?(?: [+-]\d{4})?(?: \[\d+\])? "
    rb"(?P<id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) <= (?P<sender>[!-~]{1,320}) "
)
NAMED = re.compile(rb".{20,900}? <= [!-~]{1,320} .{0,900}? id=(?P<message>[!-~]{1,320})")
"""The same line; Exim logs the Message-ID without its angle brackets."""
