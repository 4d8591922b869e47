"""Test how long the worker rests between two looks for work."""

import asyncio

import pytest

from digestd.jobs import worker

HOUR = 3_600.0


@pytest.fixture(autouse=True)
def no_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "REST_SECONDS", 0.0)


async def test_rest_ends_when_woken() -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    resting = asyncio.create_task(worker.rest(stop, wake, HOUR))
    wake.set()
    await resting
    assert not wake.is_set()


async def test_rest_ends_when_stopped() -> None:
    stop = asyncio.Event()
    stop.set()
    await worker.rest(stop, None, HOUR)
