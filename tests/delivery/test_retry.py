"""Classification of SMTP replies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.delivery.retry import ReplyVerdict, classify_reply
from digestd.delivery.transports.transport import SmtpReply, Stage


@pytest.mark.parametrize("stage", [Stage.SESSION, Stage.MAIL, Stage.DATA])
@pytest.mark.parametrize("code", [-1, 0, 250, 421, 450, 451, 550, 554])
def test_replies_before_rcpt_never_blame_the_recipient(stage: Stage, code: int) -> None:
    assert classify_reply(stage, SmtpReply(code, "5.1.1 whatever")) is (
        ReplyVerdict.SLOW_RELAY if code == 421 else ReplyVerdict.PAUSE_RELAY
    )


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.FINAL_DOT])
@pytest.mark.parametrize(
    ("code", "text", "means"),
    [
        (450, "4.2.1 greylisted", ReplyVerdict.RETRY),
        (451, "4.3.0 error", ReplyVerdict.RETRY),
        (451, "4.7.1 too many connections", ReplyVerdict.SLOW_DOMAIN),
        (452, "4.3.1 no space", ReplyVerdict.SLOW_DOMAIN),
        (452, "4.2.2 mailbox full", ReplyVerdict.RETRY),
        (454, "4.7.0 throttled", ReplyVerdict.SLOW_DOMAIN),
        (550, "5.1.1 no such user", ReplyVerdict.REJECT),
        (550, "no such user", ReplyVerdict.REJECT),
        (554, "5.7.1 policy", ReplyVerdict.REJECT),
    ],
)
def test_replies_to_rcpt_and_final_dot_are_classified(stage: Stage, code: int, text: str, means: ReplyVerdict) -> None:
    assert classify_reply(stage, SmtpReply(code, text)) is means


@pytest.mark.parametrize("code", [-1, 0, 354, 999])
def test_absurd_reply_to_rcpt_is_about_this_mail(code: int) -> None:
    assert classify_reply(Stage.RCPT, SmtpReply(code, "what?")) is ReplyVerdict.RETRY
    assert classify_reply(Stage.FINAL_DOT, SmtpReply(code, "what?")) is ReplyVerdict.PAUSE_RELAY


@pytest.mark.parametrize(
    ("stage", "means"), [(Stage.RCPT, ReplyVerdict.SLOW_DOMAIN), (Stage.FINAL_DOT, ReplyVerdict.SLOW_RELAY)]
)
def test_end_of_session_at_rcpt_is_about_the_domain(stage: Stage, means: ReplyVerdict) -> None:
    assert classify_reply(stage, SmtpReply(421, "4.3.2 going down")) is means


@given(st.sampled_from(Stage), st.integers(-10, 1100), st.text())
def test_every_reply_is_classified(stage: Stage, code: int, text: str) -> None:
    assert classify_reply(stage, SmtpReply(code, text)) in ReplyVerdict


@pytest.mark.parametrize(
    ("text", "enhanced", "queue_id"),
    [
        ("2.0.0 Ok: queued as 4XyZ12abCD", "2.0.0", "4XyZ12abCD"),
        ("5.1.1 <x@example.net>: no", "5.1.1", None),
        ("Ok: queued as 0123", "", "0123"),
        ("9.9.9 odd", "", None),
        ("", "", None),
    ],
)
def test_reply_reads_enhanced_code_and_text(text: str, enhanced: str, queue_id: str | None) -> None:
    assert (SmtpReply(250, text).enhanced, SmtpReply(250, text).queue_id) == (enhanced, queue_id)
