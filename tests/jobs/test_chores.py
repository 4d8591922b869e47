"""The service prunes, and pings its monitor."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.domain.delivery import State
from digestd.jobs.chores import Chores
from tests.delivery.test_alert import chat_room
from tests.support import sample_data
from tests.support.install import install


async def test_service_prunes_what_is_old(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = install(tmp_path, sqlite_url, now, f"maildir:{tmp_path / 'mail'}")
    made.people(sample_data.people(2))
    made.next_day()
    made.plan()
    await made.deliver()
    await Chores(made.app).prune()
    assert made.states == {State.ACCEPTED: 2}
    made.clock.go(timedelta(days=made.app.settings.keep_deliveries + 1))
    made.run_on(timedelta(hours=2))
    await Chores(made.app).prune()
    assert made.states == {}
    assert made.broken == {}


async def test_monitor_is_asked_unless_planning_is_late(
    tmp_path: Path, sqlite_url: str, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    made = install(tmp_path, sqlite_url, now)
    await Chores(made.app).ping()
    async with chat_room() as (url, told):
        watched = made.to("maildir:mail", ping_url=url)
        await Chores(watched.app).ping()
        made.people(sample_data.people(2))
        made.clock.go(timedelta(days=1, minutes=11))
        await Chores(watched.app).ping()
        assert len(told) == 1
        made.plan()
        await Chores(watched.app).ping()
        assert len(told) == 2
    assert capsys.readouterr().out == ""
    await Chores(watched.app).ping()
    assert "cannot reach the monitor" in capsys.readouterr().out
