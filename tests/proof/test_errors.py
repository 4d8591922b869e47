"""One system call fails: full disk, disk error, lost connection.

The run may end early with a one-line error. After a restart nothing is lost and nothing is sent twice.
"""

from pathlib import Path

import pytest

from digestd.delivery import group_commit
from tests.proof.conftest import StartingPoint
from tests.proof.fault_injection import fault_scenario, run_deliver, run_plan
from tests.support.process_runner import InjectedFault, Job

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
POSTGRESQL_ERRORS = {"recvfrom": ERRORS["recvfrom"]}
"""Errors with PostgreSQL. Its client waits for an answer even if a send failed, which on a real lost connection
fails too; one failing sendto cannot simulate that. See test_database_dies."""


def retry_at_once() -> None:
    """Retry a failed commit at once instead of after a second."""
    group_commit.RETRY_SECONDS = 0.01


def _inject_errors(at: StartingPoint, memory: Path, job: Job, share: int, wanted: int) -> None:
    with fault_scenario(at.install, job, memory / "scenario", retry_at_once) as made:
        made.delivered_before = at.delivered_before
        errors = ERRORS if at.install.db.is_sqlite else POSTGRESQL_ERRORS
        points = made.points(share, tuple(errors))
        made.inject((InjectedFault(call, nth, errors[call][nth % len(errors[call])]) for call, nth in points), wanted)
        made.found.check()


@pytest.mark.parametrize("share", [0, pytest.param(1, marks=pytest.mark.long)])
def test_deliver_survives_failing_system_calls(ready: StartingPoint, memory: Path, share: int) -> None:
    _inject_errors(ready, memory, run_deliver, share, 12)


def test_plan_survives_failing_system_calls(due: StartingPoint, memory: Path) -> None:
    _inject_errors(due, memory, run_plan, 2, 6)


def test_recover_survives_failing_system_calls(dead_worker: StartingPoint, memory: Path) -> None:
    _inject_errors(dead_worker, memory, run_deliver, 3, 6)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_deliver_survives_a_full_disk(ready: StartingPoint, memory: Path) -> None:
    with fault_scenario(ready.install, run_deliver, memory / "scenario", retry_briefly) as made:
        made.inject((InjectedFault(call, nth, "ENOSPC", on=True) for call, nth in made.points(4, ("pwrite64",))), 4)
        made.found.check()


def retry_briefly() -> None:
    """Give up a database that fails for a moment."""
    retry_at_once()
    group_commit.PATIENCE_SECONDS = 0.03
