"""Test a run with more papers than the composer caches."""

from dataclasses import replace

import pytest

from digestd.delivery import claim_queue, composer
from digestd.delivery.run import deliver
from digestd.delivery.transports import Route
from digestd.domain.delivery import State
from tests.delivery.conftest import READERS
from tests.support.install import Install
from tests.support.relay import Relay
from tests.support.smtp import transport


@pytest.mark.parametrize("limits", [{}, {"@example.net": 40.0}], ids=["at once", "apart"])
async def test_eviction_of_waiting_papers_costs_no_attempt(
    limits: dict[str, float], on_file: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composer, "CACHED_PAPERS", 12)
    monkeypatch.setattr(claim_queue, "BATCH", 2)
    monkeypatch.setattr(claim_queue, "MIN_BATCH", 2)
    owner = on_file.app.new_owner()
    async with Relay(delay=0.01).serving() as relay:
        with on_file.app.owners.hold(owner):
            run = on_file.app.delivery(owner, (Route("relay", transport(relay.port)),))
            report = await deliver(replace(run, connections=4, limits=limits))
    assert (report.accepted, report.deferred, report.stopped) == (READERS, 0, None)
    assert on_file.states == {State.ACCEPTED: READERS}
    assert on_file.sound(relay.copies)
