"""Test recording a run and replaying it without network."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest

from digestd.errors import BadInput, SourceFailed
from digestd.fetching.credentials import Credential
from digestd.fetching.fetch import Client, Fetcher, Limits, Validators
from digestd.fetching.recordings import INDEX, Recorder, Replayer, without_secrets
from digestd.sources.source import RateLimit, Request
from digestd.store.database import Database
from tests.papers.http_server import HttpServer, in_turn, says

FREE = RateLimit("site", 0)
SECRET = "s3cr3t-key"


@pytest.fixture
async def fetcher(db: Database, now: datetime) -> AsyncIterator[Fetcher]:
    limits = Limits(attempts=1)
    keys = {"127.0.0.1": Credential("api_key", SECRET, is_parameter=True)}
    clock: Callable[[], datetime] = lambda: now  # noqa: E731  # its type has to be said
    async with Fetcher(db, Client("https://x.example.org", limits=limits, credentials=keys), clock) as found:
        yield found


async def test_replayer_answers_in_recorded_order(fetcher: Fetcher, web: HttpServer, tmp_path: Path) -> None:
    web.paths["/a"] = in_turn(says(b"one", ETag='"1"', Content_Type="text/xml"), says(b"two"))
    web.paths["/b"] = says(status=404)
    web.paths["/c"] = in_turn(says(b"[1]"), says(b"[2]"))
    asked = [Request(web.url("/a")), Request(web.url("/c"), body=b"{1}"), Request(web.url("/a")),
             Request(web.url("/c"), body=b"{2}")]  # fmt: skip
    recorder = Recorder(fetcher, tmp_path / "new" / "folder")
    recorded = [await recorder.fetch(request, FREE) for request in asked]
    with pytest.raises(SourceFailed) as failed:
        await recorder.fetch(Request(web.url("/b")), FREE)
    count = len(web.requests)
    replayer = Replayer(tmp_path / "new" / "folder")
    assert [await replayer.fetch(request, FREE) for request in asked] == recorded
    assert [answer.body for answer in recorded] == [b"one", b"[1]", b"two", b"[2]"]
    with pytest.raises(SourceFailed) as again:
        await replayer.fetch(Request(web.url("/b")), FREE)
    assert str(again.value) == str(failed.value)
    assert (await replayer.fetch(asked[0], FREE)).body == b"two", "the last one again"
    assert len(web.requests) == count


async def test_recorder_writes_readable_files(fetcher: Fetcher, web: HttpServer, tmp_path: Path, now: datetime) -> None:
    web.paths["/a"] = says(b"one", ETag='"1"', Content_Type="text/xml")
    recorder = Recorder(fetcher, tmp_path)
    await recorder.fetch(Request(web.url("/a"), body=b"{}"), FREE)
    (line,) = map(json.loads, (tmp_path / INDEX).read_text().splitlines())
    assert line == {
        "at": now.isoformat(timespec="milliseconds"),
        "method": "POST",
        "url": web.url("/a"),
        "body_sha256": hashlib.sha256(b"{}").hexdigest(),
        "status": 200,
        "headers": {"content-type": "text/xml"},
        "file": "0001-127.0.0.1",
        "bytes": 3,
        "sha256": hashlib.sha256(b"one").hexdigest(),
    }
    assert (tmp_path / line["file"]).read_bytes() == b"one"


async def test_recorder_sends_no_validators(fetcher: Fetcher, web: HttpServer, tmp_path: Path) -> None:
    web.paths["/a"] = says(b"one", ETag='"1"')
    await Recorder(fetcher, tmp_path).fetch(Request(web.url("/a")), FREE, Validators('"1"'))
    assert "if-none-match" not in web.requests[0].headers


async def test_recorder_appends_second_run(fetcher: Fetcher, web: HttpServer, tmp_path: Path) -> None:
    web.paths["/a"] = in_turn(says(b"one"), says(b"two"))
    for _ in range(2):
        await Recorder(fetcher, tmp_path).fetch(Request(web.url("/a")), FREE)
    replayer = Replayer(tmp_path)
    assert [(await replayer.fetch(Request(web.url("/a")), FREE)).body for _ in range(2)] == [b"one", b"two"]


async def test_recorder_stores_no_secret(fetcher: Fetcher, web: HttpServer, tmp_path: Path) -> None:
    web.paths["/a"] = says(b"one")
    folder = tmp_path / "recording"
    request = Request(web.url(f"/a?token={SECRET}&term=x").replace("//", f"//me:{SECRET}@"))
    await Recorder(fetcher, folder).fetch(request, FREE)
    assert SECRET in web.requests[0].path, "it was used"
    assert all(SECRET not in file.read_text() and SECRET not in file.name for file in folder.iterdir())
    assert (await Replayer(folder).fetch(request, FREE)).body == b"one"


def test_without_secrets_removes_secret_parameters() -> None:
    url = "https://me:pw@example.org/a?q=monkey&api_key=1&X-Token=2&signature=3&keyword=4#frag"
    assert without_secrets(url) == "https://example.org/a?q=monkey&api_key=-&X-Token=-&signature=-&keyword=-"


async def test_replayer_names_missing_request(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text("")
    with pytest.raises(SourceFailed, match=r"GET https://example.org/a is not in the recording"):
        await Replayer(tmp_path).fetch(Request("https://example.org/a"), FREE)


@pytest.mark.parametrize("index", [None, "not json\n", "[1, 2]\n", '{"url": 1}\n', '{"at": "x"}\n'])
def test_replayer_refuses_folder_without_recording(tmp_path: Path, index: str | None) -> None:
    if index is not None:
        (tmp_path / INDEX).write_text(index)
    with pytest.raises(BadInput, match="holds no recording that can be read"):
        Replayer(tmp_path)


async def test_replayer_reads_only_files_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    folder = tmp_path / "recording"
    folder.mkdir()
    (folder / INDEX).write_text('{"url": "https://example.org/a", "file": "../secret"}\n')
    with pytest.raises(SourceFailed, match="secret"):
        await Replayer(folder).fetch(Request("https://example.org/a"), FREE)
