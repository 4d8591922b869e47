"""Test that example papers are looked up for the preview, within limits."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.paper import PaperId, Sighting, Words
from digestd.domain.reference import LookupResult
from digestd.web import build
from digestd.web.example_papers import EVERYONE, FAILURE_KEPT, NAMES_MAX, PER_NETWORK, ExamplePapers, ExampleState
from tests.web.conftest import Backend
from tests.web.html import tree, words
from tests.web.test_preview import DAY

ICE, NONE, LATE = PaperId("arxiv:2611.90001"), PaperId("arxiv:2611.90002"), PaperId("doi:10.5555/late")


class FakeRegistries:
    """Knows one paper; never answers about another until `answers` is set."""

    def __init__(self) -> None:
        self.asked: list[PaperId] = []
        self.answers = asyncio.Event()

    async def look_up(self, names: Sequence[PaperId]) -> Mapping[PaperId, LookupResult]:
        self.asked += names
        if LATE in names:
            await self.answers.wait()
        found = Sighting((ICE,), Words("On sea ice drift", str(DAY[2]["abstract"])))
        return {name: LookupResult(found if name == ICE else None) for name in names}


@pytest.fixture
def registries() -> FakeRegistries:
    return FakeRegistries()


@pytest.fixture
def visitor(
    app: App, backend: Backend, registries: FakeRegistries, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    backend.import_papers(*DAY)
    monkeypatch.setattr("digestd.web.example_papers.WAIT_SECONDS", 0.1)
    web = build(app)
    web.state.parts[ExamplePapers.of] = ExamplePapers(registries.look_up)
    with TestClient(web) as client:
        yield client


def _preview(client: TestClient, *names: str) -> tuple[list[str], str]:
    page = tree(client.post("/preview", data={"papers": "\n".join(names)}).text)
    picks = page.find(".//section[@class='picks']")
    assert picks is not None
    return [words(title) for title in picks.findall(".//*[@class='title']")], words(picks)


def test_example_paper_counts_at_once(visitor: TestClient, backend: Backend) -> None:
    visitor.post("/preview/picks")  # stores the text model
    before = backend.contents()
    titles, said = _preview(visitor, ICE)
    assert "sea ice drift" in titles[0]
    assert "Looked up, and counted: “On sea ice drift”." in said
    assert backend.contents() == before, "nothing is stored"


def test_unknown_example_paper_is_said_to_be_unknown(visitor: TestClient) -> None:
    assert f"No paper {NONE} at arXiv and Hugging Face." in _preview(visitor, NONE)[1]


def test_slow_registry_keeps_nobody_waiting(visitor: TestClient, registries: FakeRegistries) -> None:
    said = _preview(visitor, LATE)[1]
    assert f"We’re looking up {LATE} at Crossref and DataCite." in said
    assert "It doesn’t count in this preview yet" in said
    assert _preview(visitor, LATE)[1] == said
    assert registries.asked == [LATE]


def test_script_looks_up_only_when_reader_is_done(visitor: TestClient, registries: FakeRegistries) -> None:
    typed = {"papers": ICE}
    assert "Not looked up yet" in visitor.post("/preview/picks", data=typed).text
    assert registries.asked == []
    assert "Looked up" in visitor.post("/preview/picks", data={**typed, "look_up": "on"}).text
    assert "Looked up" in visitor.post("/preview/picks", data=typed).text


def test_paper_without_registry_counts_later(visitor: TestClient, registries: FakeRegistries) -> None:
    assert "It counts as soon as a source has it." in _preview(visitor, "feed:0123456789abcdef")[1]
    assert registries.asked == []


def test_switched_off_lookups_say_so(client: TestClient, backend: Backend) -> None:
    backend.import_papers(*DAY)
    assert f"Not known yet: {ICE}. It counts as soon as a source has it." in _preview(client, ICE)[1]


def _names(start: int, count: int) -> list[PaperId]:
    return [PaperId(f"arxiv:2611.{n:05}") for n in range(start, start + count)]


async def test_lookups_are_limited(registries: FakeRegistries, now: datetime) -> None:
    examples = ExamplePapers(registries.look_up)
    for start in range(0, 200, NAMES_MAX + 5):
        found = await examples.get("198.51.100.1", _names(start, NAMES_MAX + 5), now)
    assert len(registries.asked) == PER_NETWORK
    assert {one.state for one in found} == {ExampleState.UNASKED}
    for visitor in range(20):
        await examples.get(f"198.51.100.{visitor + 2}", _names(1_000 + visitor * 50, NAMES_MAX), now)
    assert len(registries.asked) == EVERYONE
    assert (await examples.get("198.51.100.99", [ICE], now + timedelta(hours=1)))[0].state is ExampleState.FOUND


async def test_lookup_of_one_network_tells_others_nothing(registries: FakeRegistries, now: datetime) -> None:
    examples = ExamplePapers(registries.look_up)
    await examples.get("198.51.100.1", [ICE], now)
    others = await examples.get("198.51.100.2", [ICE], now, ask=False)
    assert others[0].state is ExampleState.UNASKED


async def test_answers_are_remembered(registries: FakeRegistries, now: datetime) -> None:
    examples = ExamplePapers(registries.look_up)
    for _ in range(3):
        await examples.get("198.51.100.1", [ICE, NONE], now)
    assert registries.asked == [ICE, NONE]


async def test_failure_is_remembered_for_a_minute(now: datetime) -> None:
    asked: list[PaperId] = []

    async def fail(names: Sequence[PaperId]) -> Mapping[PaperId, LookupResult]:
        asked.extend(names)
        raise OSError

    examples = ExamplePapers(fail)
    for at in (now, now, now + FAILURE_KEPT):
        assert (await examples.get("198.51.100.1", [ICE], at))[0].state is ExampleState.FAILED
    assert len(asked) == 2
