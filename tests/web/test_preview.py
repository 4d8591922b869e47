"""Test the preview of a first digest before signing up."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import Any

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.digests import planning_day
from digestd.digests.anonymous_preview import preview_anonymous
from digestd.digests.explanation import preview
from digestd.digests.planning_day import PlanningDay, RankingOptions, read_planning_day
from digestd.digests.seed_reader import SeedReader
from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import Preferences
from digestd.papers.embedding import embed_papers
from digestd.ranking.dense import CachedEncoder
from digestd.ranking.encoders import BUILT_IN, open_encoder
from digestd.ranking.encoders.onnx import open_minilm
from digestd.store import papers
from digestd.web import build
from digestd.web.dependencies import part_of
from digestd.web.home import PER_NETWORK
from digestd.web.preview_day import FRESH, STALE, TOKENS, PreviewDay, price_of
from tests.support.waiting import PATIENCE_SECONDS, until
from tests.web.conftest import HOME, Backend, Clock
from tests.web.html import heading, tree, words

SUBJECTS = ("lichen growth", "sorting networks", "sea ice drift", "protein folding", "graph colouring", "bird song")
DAY = [
    {
        "id": f"arxiv:2611.{n:05}",
        "title": f"On {SUBJECTS[n % 6]}, part {n}",
        "abstract": f"We study {SUBJECTS[n % 6]} with new means. {SUBJECTS[n % 6].title()} is hard to foretell.",
        "authors": [f"Author {n}", "Grace Hopper" if n == 3 else f"Writer {n}"],
        "categories": ["q-bio.PE" if n % 6 == 0 else "cs.DS"],
        "signals": {"upvotes": n},
    }
    for n in range(36)
]


def _titles(html: str) -> list[str]:
    return [words(title) for title in tree(html).findall(".//section[@class='picks']//*[@class='title']")]


@pytest.fixture
def day(backend: Backend) -> None:
    backend.import_papers(*DAY)


@pytest.mark.usefixtures("day")
def test_preview_equals_first_digest(client: TestClient, app: App, backend: Backend) -> None:
    wishes = {"topics": ["sea ice"], "authors": ["Grace Hopper"], "categories": ["q-bio.PE"], "likes": ["2611.00001"]}
    typed = {"topics": "sea ice", "authors": "Grace Hopper", "categories": "q-bio.PE", "papers": "2611.00001"}
    ada = backend.join("ada@example.org", **wishes)
    mailed = preview(app.db, ada.key, backend.clock())
    with app.db.read() as session:
        found = papers.by_keys(session, [pick.paper for pick in mailed.picks])
    expected = [found[pick.paper].plain_title for pick in mailed.picks]
    shown = client.post("/preview/picks", data=typed)
    assert len(expected) == 10
    assert _titles(shown.text) == expected[:5]
    assert "10 papers from 36 new ones" in words(tree(shown.text))
    assert "and 5 more" in words(tree(shown.text))
    assert "By Grace Hopper, whom you follow" in words(tree(shown.text))


@pytest.mark.usefixtures("day")
def test_preview_works_without_script(client: TestClient) -> None:
    form = tree(client.get("/").text).find(".//form")
    assert form is not None
    button = form.find(".//button[@formaction='/preview#preview'][@formnovalidate]")
    assert button is not None
    page = client.post("/preview", data={"topics": "bird song", "hour": "9", "email": "half@"})
    assert page.status_code == 200
    assert all("bird song" in title for title in _titles(page.text))
    boxes = {e.attrib["name"]: e for e in tree(page.text).iter() if e.tag in {"input", "textarea", "select"}}
    assert boxes["topics"].text == "bird song"
    assert boxes["email"].attrib["value"] == "half@"
    assert boxes["hour"].find("./option[@selected]").text == "09:00"  # type: ignore[union-attr] # one is selected


@pytest.mark.usefixtures("day")
def test_preview_without_interests_is_trending(client: TestClient) -> None:
    assert _titles(client.post("/preview/picks").text)[0] == "On bird song, part 35"


@pytest.mark.usefixtures("day")
def test_preview_without_match_is_friendly(client: TestClient) -> None:
    shown = client.post("/preview/picks", data={"topics": "xylophone", "papers": "1706.03762 10.1/x 10.1234/unknown"})
    assert shown.status_code == 422, "10.1/x is no paper"
    shown = client.post("/preview/picks", data={"topics": "xylophone", "papers": "1706.03762"})
    assert "Not known yet: arxiv:1706.03762. It counts as soon as a source has it." in words(tree(shown.text))
    assert "We’re less sure that these fit." in words(tree(shown.text))
    assert "Perhaps about your topic “xylophone”" in words(tree(shown.text))


@pytest.mark.usefixtures("day")
def test_preview_stores_and_logs_nothing(
    client: TestClient, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    client.post("/preview/picks")
    before = backend.contents()
    client.post("/preview", data={"topics": "a secret wish", "email": "ada@example.org"})
    client.post("/preview/picks", data={"topics": "a secret wish", "papers": "2611.00002"})
    assert backend.contents() == before
    assert "secret" not in caplog.text


@pytest.mark.usefixtures("day")
def test_preview_is_rate_limited(client: TestClient, backend: Backend) -> None:
    codes = [client.post("/preview/picks").status_code for _ in range(PER_NETWORK + 1)]
    assert codes == [200] * PER_NETWORK + [429]
    assert client.post("/preview").headers["retry-after"] == "60"
    backend.clock.advance(minutes=2)
    assert client.post("/preview/picks").status_code == 200


@pytest.mark.parametrize("script", ["abcxyz", "神经网络", "신경망", "йцукен", "๐ก฿", "ẞİŉǆ", "7-.+", "𝔘🙂"])
def test_price_counts_every_token_of_the_encoder(script: str) -> None:
    topics = [" ".join([script * n, script]) for n in (1, 5, 25)] * 10
    tokenizer = open_minilm("").tokenizer
    tokenizer.no_truncation()
    tokens = sum(len(tokenizer.encode(topic).ids) for topic in topics)
    assert price_of(topics) > tokens // TOKENS
    assert price_of(["bird song"]) == 1


@pytest.mark.usefixtures("day")
def test_preview_with_many_topics_counts_as_several(client: TestClient) -> None:
    form = {"topics": "\n".join(f"bird song {n}" for n in range(50))}
    codes = [client.post("/preview/picks", data=form).status_code for _ in range(PER_NETWORK // 9 + 1)]
    assert codes == [200] * (PER_NETWORK // 9) + [429]
    long = client.post("/preview/picks", data={"topics": "\n".join(["bird song " * 29] * 50)})
    assert (long.status_code, long.headers["retry-after"]) == (429, "60")


@pytest.mark.usefixtures("day")
def test_pages_do_not_wait_for_previews(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    may_read, read = Event(), planning_day.read_planning_day

    def slowly(*args: Any, **options: Any) -> PlanningDay:
        assert may_read.wait(PATIENCE_SECONDS)
        return read(*args, **options)

    monkeypatch.setattr(planning_day, "read_planning_day", slowly)
    web = build(app)
    visitors = [TestClient(web, base_url=HOME, client=(f"192.0.2.{n}", 1)) for n in range(6)]
    with ThreadPoolExecutor(8) as pool, ExitStack() as at_last:
        at_last.callback(may_read.set)
        waiting = [pool.submit(visitor.post, "/preview/picks", data={}) for visitor in visitors[:4] for _ in range(2)]
        until(lambda: part_of(web, PreviewDay.of)._places.total() == 8)
        for visitor, status in ((visitors[0], 429), (visitors[4], 503)):
            refused = visitor.post("/preview/picks", data={})
            assert (refused.status_code, refused.headers["retry-after"]) == (status, "2")
            assert "Yours follows in a moment." in words(tree(refused.text))
            assert heading(visitor.post("/preview").text) == "One moment, please"
        assert visitors[5].get("/").status_code == 200
        assert visitors[5].get("/healthz").text == "ok"
        may_read.set()
        assert [answer.result().status_code for answer in waiting] == [200] * 8
    assert visitors[0].post("/preview/picks").status_code == 200, "its places are free again"


@pytest.mark.usefixtures("day")
def test_preview_uses_language_of_reader(client: TestClient) -> None:
    shown = client.post("/preview/picks?lang=de", data={"topics": "sea ice"})
    assert "Dein Digest heute" in shown.text
    assert "deinem Thema" in shown.text


@pytest.mark.usefixtures("day")
def test_preview_does_not_change_shared_day(app: App, clock: Clock) -> None:
    day = read_planning_day(app.db, clock(), RankingOptions(app.encoder))
    with app.db.read() as session:
        for name in ("arxiv:2611.00001", "arxiv:1706.03762"):
            preview_anonymous(session, day, [Interest(Kind.PAPER, name)], Preferences())
    assert not day.seed_reader.new_terms
    assert day.seed_reader == SeedReader(day.candidates.model, day.candidates.space)


def test_day_is_cached_and_refreshed_in_background(app: App, backend: Backend, clock: Clock) -> None:
    backend.import_papers(*DAY)
    read: list[PlanningDay] = []
    may_read = Event()
    may_read.set()

    def gather(now: object) -> PlanningDay:
        assert may_read.wait(PATIENCE_SECONDS)
        read.append(read_planning_day(app.db, clock(), RankingOptions(app.encoder)))
        return read[-1]

    preview_day = PreviewDay(gather)
    first = preview_day.day(clock())
    clock.advance(seconds=FRESH.total_seconds())
    assert preview_day.day(clock()) is first
    may_read.clear()
    clock.advance(seconds=1)
    assert preview_day.day(clock()) is first, "nobody waits for the next"
    assert preview_day.day(clock()) is first
    may_read.set()
    until(lambda: preview_day.day(clock()) is not first)
    assert len(read) == 2
    clock.advance(seconds=(STALE + timedelta(seconds=1)).total_seconds())
    assert preview_day.day(clock()) is read[2]


def test_unused_day_is_dropped(app: App, backend: Backend, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.import_papers(*DAY)
    monkeypatch.setattr("digestd.web.preview_day.UNUSED_SECONDS", 0.01)
    preview_day = PreviewDay.of(app)
    assert preview_day.day(clock()).candidates.papers
    until(lambda: preview_day._kept is None)


def test_hints_are_priced(app: App, clock: Clock, backend: Backend) -> None:
    """Whoever holds a settings link, or a token, cannot make the encoder read more than visitors can."""
    backend.import_papers(*DAY)
    options = RankingOptions(CachedEncoder(open_encoder(BUILT_IN)))
    embed_papers(app.db, options.encoder)
    preview_day = PreviewDay(lambda now: read_planning_day(app.db, now, options))
    assert not preview_day.day(clock()).candidates.space.is_empty
    long = [f"{n} {'神经' * 300}" for n in range(10)]
    assert preview_day.quick_hints("a", long, clock())
    assert preview_day.quick_hints("a", long, clock()) == ()
    assert preview_day.quick_hints("b", long, clock())


def test_empty_day_is_not_cached(app: App, backend: Backend, clock: Clock) -> None:
    preview_day = PreviewDay(lambda now: read_planning_day(app.db, now, RankingOptions(app.encoder)))
    clock.advance(days=40)
    assert not preview_day.day(clock()).candidates.papers
    backend.import_papers({"id": "arxiv:2612.00001", "title": "The first of a day"})
    assert len(preview_day.day(clock()).candidates.papers) == 1


def test_home_page_loads_day(client: TestClient) -> None:
    def readers() -> set[Thread]:
        return {thread for thread in enumerate_threads() if thread.name.startswith("today")}

    before = readers()
    client.get("/healthz")
    assert readers() == before
    client.get("/")
    assert len(readers() - before) == 1


def test_failed_load_is_retried(app: App, clock: Clock) -> None:
    tries: list[int] = []

    def gather(_now: object) -> PlanningDay:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("once")
        return read_planning_day(app.db, clock(), RankingOptions(app.encoder))

    preview_day = PreviewDay(gather)
    with pytest.raises(RuntimeError):
        preview_day.day(clock())
    assert preview_day.day(clock())


def _hints(html: str) -> str:
    found = tree(html).find(".//div[@class='hints']")
    return "" if found is None else words(found)


@pytest.mark.usefixtures("day")
def test_preview_tells_how_topics_are_understood(client: TestClient) -> None:
    for path in ("/preview", "/preview/picks"):
        told = _hints(client.post(path, data={"topics": "bird song\nlichne growth\nqzzx vwkq"}).text)
        assert "“bird song”: 6 papers in the last week." in told
        assert "We read “lichne growth” as “lichen growth”: 6 papers in the last week." in told
        assert "No paper uses the words of “qzzx vwkq”." in told


@pytest.mark.usefixtures("day")
def test_offered_topic_replaces_typed_one(client: TestClient) -> None:
    typed = {"topics": "bird song\nlichne  growth", "email": "half@", "hour": "9"}
    page = tree(client.post("/preview", data=typed).text)
    offer = page.find(".//div[@class='hints']//button[@name='chosen_topic']")
    assert offer is not None
    again = tree(client.post(offer.attrib["formaction"], data=typed | {"chosen_topic": offer.attrib["value"]}).text)
    boxes = {e.attrib["name"]: e for e in again.iter() if e.tag in {"input", "textarea"}}
    assert boxes["topics"].text == "bird song\nlichen growth"
    assert boxes["email"].attrib["value"] == "half@"
