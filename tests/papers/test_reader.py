"""Answers are read in a process that may do nothing else, and whatever happens there is one line here."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from digestd.domain.paper import Sighting, Words
from digestd.errors import SourceFailed
from digestd.fetching.reader import AnswerParser, ReadingLimits
from digestd.sources.source import Page, Reject
from tests.papers import odd_sources as odd
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

TIGHT = ReadingLimits(cpu=1, memory=300_000_000, seconds=120, result=1_000_000)


@pytest.fixture
async def reader() -> AsyncIterator[AnswerParser]:
    async with AnswerParser(TIGHT) as found:
        yield found


async def test_a_page_comes_back_as_it_was_read(reader: AnswerParser) -> None:
    assert await reader.read(odd.Odd(), b"body", "cursor") == odd.FULL


def test_the_page_of_that_test_leaves_no_field_at_its_default() -> None:
    full = odd.FULL.sightings[0]
    for kind, one in [(Page, odd.FULL), (Sighting, full), (Words, full.words), (Reject, odd.FULL.rejects[0])]:
        empty = [field.name for field in fields(kind) if getattr(one, field.name) in ((), None, "", {}, False)]
        assert empty == [], f"{kind.__name__}: what is new there has to get through the pipe too"


async def test_one_process_reads_all_answers_of_a_source(reader: AnswerParser) -> None:
    pids = []
    for _ in range(3):
        await reader.read(odd.Odd(), b"", None)
        assert reader._child is not None
        pids.append(reader._child.process.pid)
    assert len(set(pids)) == 1


async def test_another_source_is_read_by_another_process(reader: AnswerParser) -> None:
    """A feed that takes over its parser must not speak for the next source."""
    await reader.read(odd.Odd(), b"", None)
    assert reader._child is not None
    first = reader._child.process
    assert await reader.read(odd.Odd(name="another"), b"", None) == odd.FULL
    assert first.poll() is not None
    assert reader._child.process.pid != first.pid


async def test_no_process_is_started_where_there_is_nothing_to_read() -> None:
    async with AnswerParser() as reader:
        assert reader._child is None


async def test_the_process_ends_with_the_run() -> None:
    async with AnswerParser(TIGHT) as reader:
        await reader.read(odd.Odd(), b"", None)
        assert reader._child is not None
        pid = reader._child.process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


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
        (odd.connect, "socket.* is not allowed in a parser"),
        (odd.start, "subprocess.Popen is not allowed"),
        (odd.fork, "os.fork is not allowed"),
        (odd.open_file, "Operation not permitted|Permission denied|Too many open files"),
        (odd.write, "Operation not permitted|Permission denied|Too many open files"),
        (odd.lie, "sent something else than a page"),
        (odd.boast, "says more than"),
    ],
)
async def test_whatever_reading_does_is_one_line_and_the_next_answer_is_read(
    reader: AnswerParser, act: Callable[[], None], why: str
) -> None:
    with pytest.raises(SourceFailed, match=why) as caught:
        await reader.read(odd.Odd(act), b"", None)
    assert "\n" not in str(caught.value)
    assert await reader.read(odd.Odd(), b"", None) == odd.FULL


async def test_reading_that_only_waits_meets_the_deadline() -> None:
    async with AnswerParser(replace(TIGHT, seconds=1)) as reader:
        with pytest.raises(SourceFailed, match=r"took more than 1 s$"):
            await reader.read(odd.Odd(odd.sleep), b"", None)


async def test_the_processor_time_is_counted_anew_for_every_answer(reader: AnswerParser) -> None:
    body = b'{"title": "A title", "abstract": "%s"}\n' % (b"words " * 200)
    source = odd.Odd()
    for _ in range(3):
        assert await reader.read(source, body * 1_000, None) == odd.FULL


async def test_the_process_knows_nothing_of_our_settings(reader: AnswerParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTD_GITHUB_TOKEN", "hush")
    with pytest.raises(SourceFailed, match="ValueError") as caught:
        await reader.read(odd.Odd(odd.tell_secrets), b"", None)
    assert "DIGESTD" not in str(caught.value)
    assert "HOME" not in str(caught.value)


async def test_nothing_was_written(reader: AnswerParser) -> None:
    with pytest.raises(SourceFailed):
        await reader.read(odd.Odd(odd.write), b"", None)
    assert not Path("/tmp/digestd-must-not-be-written").exists()


async def test_answers_of_several_sources_at_once_are_read_in_turn(reader: AnswerParser) -> None:
    pages = await asyncio.gather(*(reader.read(odd.Odd(), b"x" * 1_000_000, None) for _ in range(4)))
    assert pages == [odd.FULL] * 4


async def test_process_that_ended_between_answers_is_replaced(reader: AnswerParser) -> None:
    await reader.read(odd.Odd(), b"", None)
    assert reader._child is not None
    reader._child.kill()
    reader._child.process.wait()
    assert await reader.read(odd.Odd(), b"", None) == odd.FULL


async def test_giving_up_leaves_no_process_behind(reader: AnswerParser) -> None:
    reading = asyncio.create_task(reader.read(odd.Odd(odd.sleep), b"", None))
    await eventually(lambda: reader._child is not None)
    assert reader._child is not None
    pid = reader._child.process.pid
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert await reader.read(odd.Odd(), b"", None) == odd.FULL
