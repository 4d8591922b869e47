"""A mailer in Go to compare with, which fills each reader's links into one template for all (see go_mailer/main.go).

It is built where Go is installed.
"""

import re
import shutil
import subprocess
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.bench.smtp_sink import Sink
from tests.bench.subprocesses import wait_for

_TOKEN = re.compile(r"(?<=/)[A-Za-z0-9_-]{40}\b", re.ASCII)
_SOURCE = Path(__file__).with_name("go_mailer")


def build_go_mailer(folder: Path, mail: bytes) -> Path | None:
    """Build the mailer, with templates made from a digest; return its path, or None if Go is not installed."""
    go = shutil.which("go")
    if go is None:
        return None
    program = folder / "go_mailer"
    subprocess.run([go, "build", "-o", str(program), "."], cwd=_SOURCE, check=True)
    message = message_from_bytes(mail, EmailMessage, policy=default)
    for kind in ("html", "plain"):
        part = message.get_body([kind])
        assert part is not None  # every digest has both
        program.with_suffix(f".{kind}").write_text(_TOKEN.sub("{{ .Token }}", part.get_content()))
    return program


def run_go_mailer(program: Path, to: Sink, count: int, connections: int) -> float:
    """Send mails with the mailer; return its CPU seconds."""
    templates = [f"-{flag}={program.with_suffix(f'.{kind}')}" for flag, kind in (("html", "html"), ("text", "plain"))]
    options = [f"-relay=127.0.0.1:{to.port}", f"-count={count}", f"-connections={connections}", *templates]
    return wait_for(subprocess.Popen([program, *options]))
