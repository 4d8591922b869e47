"""SIGKILL at each nth system call of a job, then a restart.

No mail is silently lost, none is sent twice, and what cannot be known is `uncertain`. The external witness is a relay
that writes each Message-ID to disk before it replies 250.
"""

from pathlib import Path

import pytest

from digestd.domain.delivery import State
from tests.parts.nursery import Blow, Job
from tests.proof.conftest import Situation
from tests.proof.fault_injection import ask_the_log, deliver_ready, plan_due, scene

pytestmark = pytest.mark.usefixtures("tracing")


def _killed(at: Situation, memory: Path, job: Job, share: int, wanted: int, connections: int = 3) -> None:
    with scene(at.install, job, memory / "scene", DIGESTD_TRANSPORT_CONNECTIONS=str(connections)) as made:
        made.already = at.already
        made.strike((Blow(call, nth) for call, nth in made.points(share)), wanted)
        made.found.hold()


@pytest.mark.parametrize("share", [0, pytest.param(1, marks=pytest.mark.long)])
def test_deliver_killed_loses_and_repeats_nothing(ready: Situation, memory: Path, share: int) -> None:
    _killed(ready, memory, deliver_ready, share, 24)


def test_deliver_killed_with_one_connection(ready: Situation, memory: Path) -> None:
    _killed(ready, memory, deliver_ready, 2, 24, connections=1)


def test_plan_killed_plans_each_digest_once(due: Situation, memory: Path) -> None:
    _killed(due, memory, plan_due, 3, 24)


def test_recover_killed_resumes(bereft: Situation, memory: Path) -> None:
    _killed(bereft, memory, deliver_ready, 4, 24)


def test_reconcile_killed_settles_everything(in_doubt: Situation, memory: Path) -> None:
    log = in_doubt.install.app.settings.relay_log
    with scene(in_doubt.install, ask_the_log, memory / "scene", DIGESTD_RELAY_LOG=log) as made:
        made.already = in_doubt.already
        made.ends = frozenset({State.ACCEPTED})
        made.strike((Blow(call, nth) for call, nth in made.points(5)), 12)
        made.found.hold()
        assert (made.found.acknowledged, made.found.recovered) == (made.found.attempts, 0)
