"""The service prunes, and pings its monitor."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.domain.delivery import State
from digestd.jobs.upkeep import ping, prune_old
from tests.delivery.test_alert import chat_room
from tests.support import sample_data
from tests.support.install import install


async def test_service_prunes_what_is_old(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = install(tmp_path, sqlite_url, now, f"maildir:{tmp_path / 'mail'}")
    made.people(sample_data.people(2))
    made.next_day()
    made.plan()
    await made.deliver()
    prune_old(made.app)
    assert made.states == {State.ACCEPTED: 2}
    made.clock.go(timedelta(days=made.app.settings.keep_deliveries + 1))
    prune_old(made.app)
    assert made.states == {}
    assert made.broken == {}


async def test_monitor_is_pinged_and_may_be_gone(capsys: pytest.CaptureFixture[str]) -> None:
    await ping("")
    async with chat_room() as (url, _):
        await ping(url)
        assert capsys.readouterr().out == ""
    await ping(url)
    assert "cannot reach the monitor" in capsys.readouterr().out
