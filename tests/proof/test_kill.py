"""SIGKILL at each nth system call of a job, then a restart.

No mail is silently lost, none is sent twice, and what cannot be known is `uncertain`. The external witness is a relay
that writes each Message-ID to disk before it replies 250.
"""

from pathlib import Path

import pytest

from digestd.domain.delivery import State
from tests.proof.conftest import StartingPoint
from tests.proof.fault_injection import fault_scenario, run_deliver, run_plan, run_reconcile
from tests.support.process_runner import InjectedFault, Job

pytestmark = pytest.mark.usefixtures("tracing")


def _inject_kills(at: StartingPoint, memory: Path, job: Job, share: int, wanted: int, connections: int = 3) -> None:
    with fault_scenario(at.install, job, memory / "scenario", DIGESTD_TRANSPORT_CONNECTIONS=str(connections)) as made:
        made.delivered_before = at.delivered_before
        made.inject((InjectedFault(call, nth) for call, nth in made.points(share)), wanted)
        made.found.check()


@pytest.mark.parametrize("share", [0, pytest.param(1, marks=pytest.mark.long)])
def test_deliver_killed_loses_and_repeats_nothing(ready: StartingPoint, memory: Path, share: int) -> None:
    _inject_kills(ready, memory, run_deliver, share, 12)


def test_deliver_killed_with_one_connection(ready: StartingPoint, memory: Path) -> None:
    _inject_kills(ready, memory, run_deliver, 2, 12, connections=1)


def test_plan_killed_plans_each_digest_once(due: StartingPoint, memory: Path) -> None:
    _inject_kills(due, memory, run_plan, 3, 10)


def test_recover_killed_resumes(dead_worker: StartingPoint, memory: Path) -> None:
    _inject_kills(dead_worker, memory, run_deliver, 4, 8)


def test_reconcile_killed_settles_everything(unacknowledged: StartingPoint, memory: Path) -> None:
    log = unacknowledged.install.app.settings.relay_log
    with fault_scenario(unacknowledged.install, run_reconcile, memory / "scenario", DIGESTD_RELAY_LOG=log) as made:
        made.delivered_before = unacknowledged.delivered_before
        made.ends = frozenset({State.ACCEPTED})
        made.inject((InjectedFault(call, nth) for call, nth in made.points(5)), 6)
        made.found.check()
        assert (made.found.acknowledged, made.found.recovered) == (made.found.attempts, 0)
