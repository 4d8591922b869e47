"""Classification of SMTP replies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.delivery.retry import Reply, Stage, Verdict, verdict


@pytest.mark.parametrize("stage", [Stage.SESSION, Stage.MAIL, Stage.DATA])
@pytest.mark.parametrize("code", [-1, 0, 250, 421, 450, 451, 550, 554])
def test_replies_before_rcpt_never_blame_the_recipient(stage: Stage, code: int) -> None:
    assert verdict(stage, Reply(code, "5.1.1 whatever")) is (Verdict.LESS if code == 421 else Verdict.RELAY)


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DOT])
@pytest.mark.parametrize(
    ("code", "text", "means"),
    [
        (421, "4.3.2 going down", Verdict.LESS),
        (450, "4.2.1 greylisted", Verdict.LATER),
        (451, "4.3.0 error", Verdict.LATER),
        (451, "4.7.1 too many connections", Verdict.LESS),
        (452, "4.3.1 no space", Verdict.LESS),
        (452, "4.2.2 mailbox full", Verdict.LATER),
        (454, "4.7.0 throttled", Verdict.LESS),
        (550, "5.1.1 no such user", Verdict.NEVER),
        (550, "no such user", Verdict.NEVER),
        (554, "5.7.1 policy", Verdict.NEVER),
        (-1, "what?", Verdict.RELAY),
        (0, "", Verdict.RELAY),
        (354, "go on", Verdict.RELAY),
        (999, "", Verdict.RELAY),
    ],
)
def test_replies_to_rcpt_and_final_dot_are_classified(stage: Stage, code: int, text: str, means: Verdict) -> None:
    assert verdict(stage, Reply(code, text)) is means


@given(st.sampled_from(Stage), st.integers(-10, 1100), st.text())
def test_every_reply_is_classified(stage: Stage, code: int, text: str) -> None:
    assert verdict(stage, Reply(code, text)) in Verdict


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
    assert (Reply(250, text).enhanced, Reply(250, text).queue_id) == (enhanced, queue_id)
