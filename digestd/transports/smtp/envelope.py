"""The envelope of a mail: MAIL, RCPT and DATA as bytes, and what their answers mean."""

from digestd.errors import RelayFailed
from digestd.retry import Reply, Stage
from digestd.transports.transport import OutgoingMail, Refusal

STAGES = (Stage.MAIL, Stage.RCPT, Stage.DATA)
GO_AHEAD = 354


class PipelineMismatch(RelayFailed):
    """The answers are not those of the commands: nobody knows what the relay has understood."""


def commands(mail: OutgoingMail, dsn: bool) -> tuple[bytes, bytes, bytes]:
    """One command a stage. With `dsn` (RFC 3461), bounces name the attempt and carry the headers alone."""
    ret, notify = (f" RET=HDRS ENVID={mail.envid}", " NOTIFY=FAILURE") if dsn and mail.envid else ("", "")
    return (
        f"MAIL FROM:<{mail.envelope_from}>{ret}\r\n".encode("ascii"),
        f"RCPT TO:<{mail.to}>{notify}\r\n".encode("ascii"),
        b"DATA\r\n",
    )


def refusal(stage: Stage, reply: Reply) -> Refusal | None:
    """What an answer to one of the commands means. Raises OutOfStep where it answers no such command."""
    if reply.code == GO_AHEAD if stage is Stage.DATA else 250 <= reply.code < 260:
        return None
    if 400 <= reply.code < 600:
        return Refusal(stage, reply)
    raise PipelineMismatch(f"the relay answers {reply.code} to {stage.upper()}; it is tried again later")


def is_verdict(reply: Reply) -> bool:
    """Whether an answer to the dot tells what became of the mail."""
    return 200 <= reply.code < 300 or 400 <= reply.code < 600
