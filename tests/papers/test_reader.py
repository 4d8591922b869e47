"""Test the parser process: whatever happens in it becomes one line of error."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import fields, replace

import pytest

from digestd.domain.paper import Sighting, Words
from digestd.errors import SourceFailed
from digestd.fetching.answer_parser import AnswerParser, ParserLimits
from digestd.sources.source import Page, Reject
from tests.conftest import Children
from tests.papers import odd_sources as odd
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

TIGHT = ParserLimits(cpu=1, memory=300_000_000, seconds=120, result=1_000_000)


@pytest.fixture
async def reader() -> AsyncIterator[AnswerParser]:
    async with AnswerParser(TIGHT) as found:
        yield found


async def test_parser_returns_page_unchanged(reader: AnswerParser) -> None:
    assert await reader.parse(odd.Odd(), b"body", "cursor") == odd.FULL


def test_parser_test_page_uses_every_field() -> None:
    full = odd.FULL.sightings[0]
    for kind, one in [(Page, odd.FULL), (Sighting, full), (Words, full.words), (Reject, odd.FULL.rejects[0])]:
        empty = [field.name for field in fields(kind) if getattr(one, field.name) in ((), None, "", {}, False)]
        assert empty == [], f"{kind.__name__}: what is new there has to get through the pipe too"


async def test_parser_reuses_process_for_one_source(reader: AnswerParser, children: Children) -> None:
    found = []
    for _ in range(3):
        await reader.parse(odd.Odd(), b"", None)
        found += children()
    assert len(set(found)) == 1


async def test_parser_uses_new_process_for_another_source(reader: AnswerParser, children: Children) -> None:
    """Keep a feed that takes over its parser from answering for the next source."""
    await reader.parse(odd.Odd(), b"", None)
    first = children()
    assert await reader.parse(odd.Odd(name="another"), b"", None) == odd.FULL
    assert len(children()) == 1
    assert children() != first


async def test_parser_process_ends_with_run(children: Children) -> None:
    async with AnswerParser(TIGHT) as reader:
        await reader.parse(odd.Odd(), b"", None)
        assert len(children()) == 1
    assert children() == []


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (odd.spin, "took more than 1 s of processor time"),
        (odd.hog, "took more than 300 MB of memory"),
        (odd.crash, r"ended the process that did it \(SIGSEGV\)"),
        (odd.leave, r"ended the process that did it \(status 3\)"),
        (odd.dig, r"cannot be read \(RecursionError"),
        (odd.fail, r"^the shop is closed; come again$"),
        (odd.refuse, "^title: is odd$"),
        (odd.stumble, r"^the answer cannot be read \(KeyError: 'colour'\)$"),
        (odd.connect, "Operation not permitted|Permission denied|Too many open files"),
        (odd.fork, "Operation not permitted|Resource temporarily unavailable"),
        (odd.open_file, "Operation not permitted|Permission denied|Too many open files"),
        (odd.write, "Operation not permitted|Permission denied|Too many open files"),
        (odd.lie, "sent something else than a page"),
        (odd.boast, "says more than"),
    ],
)
async def test_parser_reports_any_failure_and_recovers(reader: AnswerParser, act: Callable[[], None], why: str) -> None:
    with pytest.raises(SourceFailed, match=why) as caught:
        await reader.parse(odd.Odd(act), b"", None)
    assert "\n" not in str(caught.value)
    assert await reader.parse(odd.Odd(), b"", None) == odd.FULL


async def test_parser_kills_waiting_process_at_deadline() -> None:
    async with AnswerParser(replace(TIGHT, seconds=1)) as reader:
        with pytest.raises(SourceFailed, match=r"took more than 1 s$"):
            await reader.parse(odd.Odd(odd.sleep), b"", None)


async def test_parser_process_gets_no_settings(reader: AnswerParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTD_GITHUB_TOKEN", "hush")
    with pytest.raises(SourceFailed, match="ValueError") as caught:
        await reader.parse(odd.Odd(odd.tell_secrets), b"", None)
    assert "DIGESTD" not in str(caught.value)
    assert "HOME" not in str(caught.value)


async def test_parser_serialises_concurrent_answers(reader: AnswerParser) -> None:
    pages = await asyncio.gather(*(reader.parse(odd.Odd(), b"x" * 1_000_000, None) for _ in range(4)))
    assert pages == [odd.FULL] * 4


async def test_parser_replaces_ended_process(reader: AnswerParser, children: Children) -> None:
    await reader.parse(odd.Odd(), b"", None)
    [child] = children()
    child.kill()
    child.wait()
    assert await reader.parse(odd.Odd(), b"", None) == odd.FULL


async def test_parser_cancel_while_starting_leaves_no_process(reader: AnswerParser, children: Children) -> None:
    for delay in [0.0, 0.0005, 0.001, 0.002, 0.004]:
        reading = asyncio.create_task(reader.parse(odd.Odd(odd.sleep), b"", None))
        await asyncio.sleep(delay)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(reading, 20)
        assert children() == []


async def test_parser_cancel_leaves_no_process(reader: AnswerParser, children: Children) -> None:
    reading = asyncio.create_task(reader.parse(odd.Odd(odd.sleep), b"", None))
    await eventually(lambda: len(children()) == 1)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert children() == []
    assert await reader.parse(odd.Odd(), b"", None) == odd.FULL
