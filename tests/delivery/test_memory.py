"""Test a mail that needs more memory than there is: its kind is held in its language, and the others are sent."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from digestd.domain.delivery import State
from tests.support import sample_data
from tests.support.install import Install, install

MEMORY = 3 << 30
GREEDY = '{% if _("Unsubscribe") != "Unsubscribe" %}{{ "x" * 8000000000 }}{% endif %}'
"""Needs the memory for subscribers with a language other than English."""
_RUN = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
from digestd.cli import main
main()
"""


def test_mail_too_large_for_memory_stops_no_others(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    made.papers(sample_data.papers(30))
    made.people([{"email": f"reader{n}@example.net", "language": "de" if n == 2 else "en"} for n in range(5)])
    override = tmp_path / "templates" / "email" / "digest.txt.j2"
    override.parent.mkdir(parents=True)
    override.write_text((Path("templates") / "email" / "digest.txt.j2").read_text() + GREEDY)
    assert run(made, "plan").returncode == 0
    delivered = run(made, "deliver", "--drain")
    assert json.loads(delivered.stdout)["accepted"] == 4
    assert delivered.returncode == 1
    assert "digest, copy mails (de, de_formal) are held: template email/digest.txt.j2" in delivered.stderr
    assert made.states == {State.ACCEPTED: 4, State.READY: 1}
    assert made.by_address["reader2@example.net"] is State.READY
    assert made.broken == {}


def run(made: Install, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a memory limit."""
    environment = made.environment(DIGESTD_TEMPLATES_DIR=str(made.folder.parent / "templates"))
    command = [sys.executable, "-c", _RUN, *words, "--json"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
