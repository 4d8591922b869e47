"""A mail for which there is not enough memory is that mail's problem: it is set aside, and the others go."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

from digestd.domain.delivery import State
from tests.support import sample_data
from tests.support.install import Install, install

MEMORY = 3 << 30
GREEDY = '{% if digest.name == "Greedy" %}{{ "x" * 8000000000 }}{% endif %}'
_RUN = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
from digestd.cli import main
main()
"""


def test_a_mail_that_no_memory_is_enough_for_is_set_aside_and_the_others_go(
    tmp_path: Path, sqlite_url: str, now: datetime
) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    made.papers(sample_data.papers(30))
    made.people([{"email": f"reader{n}@example.net", "name": "Greedy" if n == 2 else "Ada"} for n in range(5)])
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
    """A command that may have so much memory and no more."""
    environment = made.environment(DIGESTD_TEMPLATES_DIR=str(made.folder.parent / "templates"))
    command = [sys.executable, "-c", _RUN, *words, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found
