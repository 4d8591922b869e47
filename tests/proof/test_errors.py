"""One system call fails: full disk, disk error, lost connection.

The run may end early with a one-line error. After a restart nothing is lost and nothing is sent twice.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from digestd.delivery import group_commit
from digestd.domain.backoff import Backoff
from tests.parts.nursery import Blow, Job
from tests.proof.conftest import Situation
from tests.proof.fault_injection import deliver_ready, plan_due, scene

pytestmark = pytest.mark.usefixtures("tracing")
ERRORS = {
    "pwrite64": ("ENOSPC", "EIO"),
    "fdatasync": ("EIO", "ENOSPC"),
    "fsync": ("EIO",),
    "pread64": ("EIO",),
    "sendto": ("ECONNRESET", "ETIMEDOUT"),
    "recvfrom": ("ECONNRESET", "ETIMEDOUT"),
}
"""Errors with which each call can fail."""
BY_THE_DATABASE = {"recvfrom": ERRORS["recvfrom"]}
"""Errors with PostgreSQL. Its client waits for an answer even if a send failed, which on a real lost connection
fails too; one failing sendto cannot simulate that. See test_database_dies."""


def impatient() -> None:
    """Retry a failed commit at once instead of after a second."""
    group_commit.BACKOFF = Backoff((timedelta(seconds=0.01),))


def _failing(at: Situation, memory: Path, job: Job, share: int, wanted: int) -> None:
    with scene(at.install, job, memory / "scene", impatient) as made:
        made.already = at.already
        errors = ERRORS if at.install.db.is_sqlite else BY_THE_DATABASE
        points = made.points(share, tuple(errors))
        made.strike((Blow(call, nth, errors[call][nth % len(errors[call])]) for call, nth in points), wanted)
        made.found.hold()


@pytest.mark.parametrize("share", [0, pytest.param(1, marks=pytest.mark.long)])
def test_deliver_survives_failing_system_calls(ready: Situation, memory: Path, share: int) -> None:
    _failing(ready, memory, deliver_ready, share, 24)


def test_plan_survives_failing_system_calls(due: Situation, memory: Path) -> None:
    _failing(due, memory, plan_due, 2, 16)


def test_recover_survives_failing_system_calls(bereft: Situation, memory: Path) -> None:
    _failing(bereft, memory, deliver_ready, 3, 16)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_deliver_survives_a_full_disk(ready: Situation, memory: Path) -> None:
    with scene(ready.install, deliver_ready, memory / "scene", impatient_and_brief) as made:
        made.strike((Blow(call, nth, "ENOSPC", on=True) for call, nth in made.points(4, ("pwrite64",))), 12)
        made.found.hold()


def impatient_and_brief() -> None:
    """Give up a database that fails for a moment."""
    impatient()
    group_commit.PATIENCE_SECONDS = 0.03
