"""Power cuts: no committed step is lost, whatever the disk has kept.

The writes and syncs of a real process are recorded. For a cut after each of them a possible disk state is built,
opened and continued. The witness is external: once a mail was sent, the ledger must know.
"""

from itertools import chain, islice
from pathlib import Path
from random import Random

import pytest

from tests.parts.nursery import Job
from tests.proof.conftest import Situation
from tests.proof.disk_recording import OPTIONS, Event, Sent, cuts, recorded
from tests.proof.fault_injection import Scene, deliver_ready, many, plan_due, scene

pytestmark = [
    pytest.mark.usefixtures("tracing"),
    pytest.mark.parametrize("engine", ["sqlite"]),
]


def _cut(at: Situation, memory: Path, job: Job, wanted: int, connections: int) -> None:
    with scene(at.install, job, memory / "scene", DIGESTD_TRANSPORT_CONNECTIONS=str(connections)) as made:
        made.already = at.already
        made.renew()
        before = _files(made)
        events = _record(made)
        assert job is plan_due or sum(isinstance(event, Sent) for event in events) == len(made.install.fates)
        each = chain.from_iterable(cuts(events, before, Random(seed)) for seed in range(100))
        for sent, left in islice(each, many(wanted)):
            made.renew()
            _lay(made, left)
            made.go_on_from(dict.fromkeys(sent, 1))
            assert made.install.db_is_whole
        made.found.hold()


def test_deliver_survives_power_cuts(ready: Situation, memory: Path) -> None:
    _cut(ready, memory, deliver_ready, 90, connections=1)


def test_deliver_in_parallel_survives_power_cuts(ready: Situation, memory: Path) -> None:
    _cut(ready, memory, deliver_ready, 30, connections=3)


def test_plan_survives_power_cuts(due: Situation, memory: Path) -> None:
    _cut(due, memory, plan_due, 30, connections=3)


def _record(made: Scene) -> list[Event]:
    log = made.install.folder / "written.log"
    ended = made.nursery.traced(made.job, [*OPTIONS, "-o", str(log)])
    assert ended.code == 0, ended.said
    return recorded(log)


def _files(made: Scene) -> dict[Path, bytes]:
    file = Path(str(made.install.db.file))
    return {file: file.read_bytes()}


def _lay(made: Scene, left: dict[Path, bytes]) -> None:
    """Write the files as the power cut left them."""
    for file, content in left.items():
        if made.install.folder in file.parents:
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
