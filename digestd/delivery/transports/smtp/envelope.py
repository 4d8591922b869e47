"""Build the envelope commands MAIL, RCPT and DATA, and interpret their answers."""

from digestd.delivery.retry import SmtpReply, Stage
from digestd.delivery.transports.transport import OutgoingMail, Refusal
from digestd.errors import RelayFailed

STAGES = (Stage.MAIL, Stage.RCPT, Stage.DATA)
GO_AHEAD = 354


class PipelineMismatch(RelayFailed):
    """The answers do not match the commands, so it is unknown what the relay understood."""


def commands(mail: OutgoingMail, dsn: bool) -> tuple[bytes, bytes, bytes]:
    """Return one command per stage.

    With `dsn` (RFC 3461), bounces name the attempt and contain only headers.
    """
    ret, notify = (f" RET=HDRS ENVID={mail.envid}", " NOTIFY=FAILURE") if dsn and mail.envid else ("", "")
    return (
        f"MAIL FROM:<{mail.envelope_from}>{ret}\r\n".encode("ascii"),
        f"RCPT TO:<{mail.to}>{notify}\r\n".encode("ascii"),
        b"DATA\r\n",
    )


def refusal(stage: Stage, reply: SmtpReply) -> Refusal | None:
    """Return the refusal that an answer means, if any.

    Raises PipelineMismatch if it fits no such command.
    """
    if reply.code == GO_AHEAD if stage is Stage.DATA else 250 <= reply.code < 260:
        return None
    if 400 <= reply.code < 600:
        return Refusal(stage, reply)
    raise PipelineMismatch(f"the relay answers {reply.code} to {stage.upper()}; digestd will retry later")


def is_verdict(reply: SmtpReply) -> bool:
    """Return True if an answer to the final dot says whether the mail was accepted."""
    return 200 <= reply.code < 300 or 400 <= reply.code < 600
