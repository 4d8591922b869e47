"""Test a mail that needs more memory than there is.

It is poisoned, and the others are sent.
"""

import json
import subprocess
import sys
from datetime import datetime, timedelta
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


def test_mail_too_large_for_memory_is_poisoned(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    made.papers(sample_data.papers(30))
    made.people([{"email": f"reader{n}@example.net", "language": "de" if n == 2 else "en"} for n in range(5)])
    override = tmp_path / "templates" / "email" / "digest.txt.j2"
    override.parent.mkdir(parents=True)
    override.write_text((Path("templates") / "email" / "digest.txt.j2").read_text() + GREEDY)
    assert run(made, "plan")["planned"] == 5
    sent = []
    for _ in range(3):
        sent.append(run(made, "deliver", "--drain")["accepted"])
        made.clock.go(timedelta(minutes=11))
    assert sent == [4, 0, 0]
    assert made.states == {State.ACCEPTED: 4, State.POISONED: 1}
    assert made.by_address["reader2@example.net"] is State.POISONED
    assert made.broken == {}


def run(made: Install, *words: str) -> dict[str, int]:
    """Run a command with a memory limit."""
    environment = made.environment(DIGESTD_TEMPLATES_DIR=str(made.folder.parent / "templates"))
    command = [sys.executable, "-c", _RUN, *words, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found
