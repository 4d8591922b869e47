"""What relays write when they have taken a mail.

Also what looks like it and is not.
"""

import pytest

from digestd.delivery.relay_logs import FORMATS, LINE_MAX, LogLine, read_line

PATH = "bounce+12.1.abcdefghijklmnopqrstuvwx@example.org"
TAKEN = {
    "postfix": f"Nov 24 07:00:01 mx postfix/qmgr[812]: 4FZq1h2Xyz: from=<{PATH}>, size=48211, nrcpt=1 (queue active)",
    "postfix, ISO time": f"2026-11-24T07:00:01.120934+01:00 mx postfix/qmgr[812]: 6E1D42A0F3: from=<{PATH}>, size=9, n",
    "postfix, an instance": f"Nov  4 07:00:01 mx postfix-out/qmgr[8]: 6E1D42A0F3: from=<{PATH}>, size=482, nrcpt=1",
    "exim": f"2026-11-24 07:00:01 1qTgSv-000Abc-1J <= {PATH} H=localhost [127.0.0.1] P=esmtp S=48211 id=x@example.org",
    "exim, long ids and milliseconds": f"2026-11-24 07:00:01.123 +0100 [99] 1qTgSv-000000012Ab-0q1J <= {PATH} H=mx",
    "sendmail": f"Nov 24 07:00:01 mx sm-mta[44]: 6AO701xy000044: from=<{PATH}>, size=48211, class=0, nrcpts=1, m",
}
MESSAGE = "<digest.2026-11-24.abcdef@example.org>"
NAMED = {
    "exim": (TAKEN["exim"].replace("id=x@example.org", f"id={MESSAGE[1:-1]} T=x"), True),
    "sendmail": (f"{TAKEN['sendmail'][:-3]}, msgid={MESSAGE}, proto=ESMTP, relay=localhost [127.0.0.1]", True),
    "postfix": (f"Nov 24 07:00:01 mx postfix/cleanup[9]: 6E1D42A0F3: message-id={MESSAGE}", False),
}
PASSED_ON = {
    "a removal": "Nov 24 07:00:01 mx postfix/qmgr[812]: 6E1D42A0F3: removed",
    "a delivery": "Nov 24 07:00:01 mx postfix/smtp[8]: 6E1D42A0F3: to=<b@example.net>, relay=mx[192.0.2.1]:25, delay=1",
}
OTHER = {
    "a refusal of Postfix": f"Nov 24 07:00:01 mx postfix/smtpd[9]: NOQUEUE: reject: RCPT from a[1.2.3.4]: 450 4.7.1 "
    f"<b@example.net>: Recipient address rejected; from=<{PATH}> to=<b@example.net> proto=ESMTP helo=<h>",
    "a mail whose client went away": "Nov 24 07:00:01 mx postfix/cleanup[812]: 6E1D42A0F3: removed (canceled)",
    "a delivery of Exim": f"2026-11-24 07:00:02 1qTgSv-000Abc-1J => {PATH} R=dns T=smtp",
    "a rejection of Exim": f"2026-11-24 07:00:01 H=localhost [127.0.0.1] F=<{PATH}> rejected RCPT <b@example.net>: no",
    "a refusal of Sendmail": f"Nov 24 07:00:01 mx sm-mta[44]: 6AO701xy000044: from=<{PATH}>, size=0, class=0, nrcpts=0",
    "a bounce": "Nov 24 07:00:01 mx postfix/qmgr[812]: 6E1D42A0F3: from=<>, size=4821, nrcpt=1 (queue active)",
    "nothing": "",
}


@pytest.mark.parametrize("line", TAKEN.values(), ids=TAKEN)
def test_a_mail_that_was_taken_is_read(line: str) -> None:
    found = read_line(line.encode())
    assert isinstance(found, LogLine)
    assert found.envelope_from == PATH
    assert found.queue_id in line


@pytest.mark.parametrize(("line", "is_taken"), NAMED.values(), ids=NAMED)
def test_the_message_id_is_read(line: str, is_taken: bool) -> None:
    found = read_line(line.encode())
    assert found is not None
    assert (found.message_id, found.is_taken) == (MESSAGE, is_taken)


@pytest.mark.parametrize("line", PASSED_ON.values(), ids=PASSED_ON)
def test_a_mail_that_was_passed_on_was_taken(line: str) -> None:
    assert read_line(line.encode()) == LogLine("6E1D42A0F3")


def test_every_format_is_tried() -> None:
    assert {name.partition(",")[0] for name in TAKEN} == set(FORMATS)


@pytest.mark.parametrize("line", OTHER.values(), ids=OTHER)
def test_any_other_line_says_nothing(line: str) -> None:
    assert read_line(line.encode()) is None


def test_a_return_path_in_capitals_is_the_same() -> None:
    found = read_line(TAKEN["postfix"].replace(PATH, PATH.upper()).encode())
    assert found is not None
    assert found.envelope_from == PATH


@pytest.mark.parametrize("filler", [b"x", b" postfix/qmgr[1]: ", b"Nov 24 ", b"\xff"])
def test_hostile_line_says_nothing(filler: bytes) -> None:
    """What the expressions cost is counted in tests/security/test_patterns.py.

    Only so much of a line is read.
    """
    assert read_line(filler * (100_000 // len(filler))) is None
    assert LINE_MAX < 100_000
