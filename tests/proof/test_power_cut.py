"""Power cuts: no committed step is lost, whatever the disk has kept.

The writes and syncs of a real process are recorded. For a cut after each of them a possible disk state is built,
opened and continued. The witness is external: once a mail was sent, the ledger must know.
"""

from itertools import chain, islice
from pathlib import Path
from random import Random

import pytest

from tests.proof.conftest import StartingPoint
from tests.proof.disk_recording import OPTIONS, Event, SentMail, power_cuts, read_events
from tests.proof.fault_injection import FaultScenario, fault_scenario, run_deliver, run_plan, scaled
from tests.support.process_runner import Job

Cut = tuple[set[str], dict[Path, bytes]]
"""The sent Message-IDs, and the files that the power cut left."""

pytestmark = [
    pytest.mark.usefixtures("tracing"),
    pytest.mark.parametrize("engine", ["sqlite"]),
]


def _check_power_cuts(at: StartingPoint, memory: Path, job: Job, wanted: int, connections: int) -> None:
    with fault_scenario(at.install, job, memory / "scenario", DIGESTD_TRANSPORT_CONNECTIONS=str(connections)) as made:
        made.delivered_before = at.delivered_before
        made.restore()
        made.relay.taken.clear()  # what the warm-up sent
        before = _files(made)
        events = _record(made)
        received = list(made.relay.taken)
        assert job is run_plan or sum(isinstance(event, SentMail) for event in events) == len(
            made.install.states_by_message_id
        )
        each = chain.from_iterable(_shuffled_cuts(events, before, Random(seed)) for seed in range(100))
        for sent, left in islice(each, scaled(wanted)):
            made.restore()
            made.relay.taken[:] = received
            _write_files(made, left)
            made.restart_and_count(dict.fromkeys(sent, 1))
            assert made.install.passes_integrity_check
        made.found.check()


def _shuffled_cuts(events: list[Event], before: dict[Path, bytes], rng: Random) -> list[Cut]:
    """Return a cut after each event: first those after a sent mail, since a loss before it breaks no promise."""
    cuts = list(power_cuts(events, before, rng))
    rng.shuffle(cuts)
    return sorted(cuts, key=lambda cut: not cut[0])


def test_deliver_survives_power_cuts(ready: StartingPoint, memory: Path) -> None:
    _check_power_cuts(ready, memory, run_deliver, 40, connections=1)


def test_deliver_in_parallel_survives_power_cuts(ready: StartingPoint, memory: Path) -> None:
    _check_power_cuts(ready, memory, run_deliver, 12, connections=3)


def test_plan_survives_power_cuts(due: StartingPoint, memory: Path) -> None:
    _check_power_cuts(due, memory, run_plan, 10, connections=3)


def _record(made: FaultScenario) -> list[Event]:
    log = made.install.folder / "written.log"
    ended = made.runner.run_traced(made.job, [*OPTIONS, "-o", str(log)])
    assert ended.code == 0, ended.output
    return read_events(log)


def _files(made: FaultScenario) -> dict[Path, bytes]:
    file = Path(str(made.install.db.file))
    return {file: file.read_bytes()}


def _write_files(made: FaultScenario, left: dict[Path, bytes]) -> None:
    """Write the files as the power cut left them."""
    for file, content in left.items():
        if made.install.folder in file.parents:
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
