"""Test importing references on the settings page."""

import asyncio
import gc
import sys
import time
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from digestd.domain.interest import Kind, Stance, values
from digestd.errors import Unavailable
from digestd.security.tokens import Purpose, make_token
from digestd.sources.source import Page
from digestd.subscribers.reference_import import ReferenceImportReport
from digestd.web import body_limit, libraries
from digestd.web.libraries import BODY_MAX, PER_NETWORK, SMALL_MAX, ImportQueue
from tests.web.conftest import Backend
from tests.web.html import heading, tree, words

ADA = "ada@example.org"
BIB = b"@article{a, title={Lakes}, eprint={2611.00001}}\n@article{b, author={<b>No One</b>}}\n"


def likes(backend: Backend) -> tuple[str, ...]:
    return values(backend.subscriber(ADA).interests, Kind.PAPER, Stance.LIKED)


def test_file_is_imported_and_bad_entry_named(client: TestClient, backend: Backend) -> None:
    backend.join(ADA, topics=["ice"])
    here = f"{backend.settings(ADA)}/import"
    assert here in client.get(backend.settings(ADA)).text
    assert heading(client.get(here).text) == "Import papers you like"
    answer = client.post(here, data={"text": ""}, files={"file": ("mine.bib", BIB)})
    assert answer.status_code == 200
    status = tree(answer.text).find(".//p[@role='status']")
    assert status is not None
    assert words(status) == "1 paper was added. It counts from your next digest. Read as BibTeX."
    assert "b (line 2)" in answer.text
    assert "The title is missing." in answer.text
    assert likes(backend) == ("arxiv:2611.00001",)


def test_pasted_text_is_imported_in_language(client: TestClient, backend: Backend) -> None:
    backend.join(ADA, language="de")
    here = f"{backend.settings(ADA)}/import"
    answer = client.post(here, data={"text": "2611.00001\nhttps://ponds.example.org/\n"})
    assert "1 Paper wurde hinzugefügt. Es zählt ab deinem nächsten Digest." in answer.text
    assert "Gelesen als eine Liste von arXiv-Nummern und DOIs." in answer.text
    assert "Zeile 2" in answer.text
    assert "1 Eintrag wurde nicht aufgenommen" in answer.text
    assert likes(backend) == ("arxiv:2611.00001",)


def test_unreadable_text_is_reported_and_kept(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    here = f"{backend.settings(ADA)}/import"
    answer = client.post(here, data={"text": "{</textarea><script>"})
    assert answer.status_code == 422
    assert "Nothing has changed" in answer.text
    assert "<script>" not in answer.text
    assert client.post(here).status_code == 422
    assert client.post(here, files={"file": ("cafe.bib", b"caf\xe9")}).status_code == 422
    assert likes(backend) == ()


def test_only_this_form_accepts_large_body(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    here = f"{backend.settings(ADA)}/import"
    large = "\n".join(f"2611.{n:05} # {'x' * 200}" for n in range(1_000)).encode()
    assert client.post(here, files={"file": ("ids.txt", large)}).status_code == 200
    assert client.post(here, files={"file": ("ids.txt", b"x" * BODY_MAX)}).status_code == 413
    assert client.post(backend.settings(ADA), files={"file": ("ids.txt", large)}).status_code == 413
    assert len(likes(backend)) == 1_000


def test_only_import_path_is_large_and_of_its_subscriber(backend: Backend) -> None:
    backend.join(ADA)
    ada, app = backend.subscriber(ADA).key, backend.app
    times = (backend.clock(), backend.clock() - timedelta(days=1))
    tokens = [make_token(app.keys, Purpose.PREFERENCES, ada, at) for at in times]
    assert tokens[0] != tokens[1]
    assert [body_limit(app, f"/p/{token}/import") for token in tokens] == [(BODY_MAX, ada)] * 2
    assert body_limit(app, f"/p/{tokens[0]}/1/import")[0] < BODY_MAX


def test_long_pasted_text_is_called_too_long(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    here = f"{backend.settings(ADA)}/import"
    field = tree(client.get(here).text).find(".//textarea[@name='text']")
    assert field is not None
    most = int(field.get("maxlength", "0"))
    assert client.post(here, files={"text": (None, "2611.00001 " + "x" * (most - 11))}).status_code == 200
    answer = client.post(here, files={"text": (None, "é" * most)})
    assert answer.status_code == 400
    assert heading(answer.text) == "That’s too much"


def test_format_can_be_chosen(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    here = f"{backend.settings(ADA)}/import"
    answer = client.post(here, data={"text": "2611.00001\nis an id, and a title here", "form": "abstracts"})
    assert "Read as titles with their abstracts." in answer.text
    assert likes(backend) != ("arxiv:2611.00001",)
    wrong = client.post(here, data={"text": "2611.00001", "form": "zotero"})
    assert wrong.status_code == 422
    assert '<option value="zotero" selected>' in wrong.text
    assert client.post(here, data={"text": "2611.00001", "form": "endnote"}).status_code == 200, "then it is recognised"


def test_imports_are_rate_limited(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    here = f"{backend.settings(ADA)}/import"
    statuses = [client.post(here, data={"text": ""}).status_code for _ in range(PER_NETWORK + 1)]
    assert statuses == [422] * PER_NETWORK + [429]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "WAIT_SECONDS", 0.0)


@pytest.mark.usefixtures("impatient")
def test_large_file_is_read_in_background(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    here = f"{backend.settings(ADA)}/import"
    entry = "@article{{k{0}, title={{{{Lakes}} {0}}}, doi={{10.5555/{0}}}, year={{2020}}, abstract={{{1}}}}}\n"
    large = "".join(entry.format(number, "ice " * 250) for number in range(2_000)).encode()
    answers = [client.post(here, files={"file": ("mine.bib", large)})]
    assert "We’re reading your file. Entries so far: 0." in answers[0].text
    assert tree(answers[0].text).find(".//form") is None
    assert "another file" not in answers[0].text
    answers.append(client.post(here, data={"text": "2611.00009"}))
    assert "reading your file" in answers[1].text, "one import at a time"
    assert "We didn’t take it" in answers[1].text
    for _ in range(300):
        answers.append(client.get(here))
        if "Refresh" not in answers[-1].headers:
            break
        assert client.get(backend.settings(ADA)).status_code == 200
        time.sleep(0.1)
    assert len(answers) > 2
    assert "1,000 papers were added" in answers[-1].text
    assert "We didn’t take it" in answers[-1].text, "it is said until the end"
    assert "1,000 entries couldn’t be added" in answers[-1].text
    assert answers[-1].text.count("Your list of liked papers is full.") == 1
    assert "1,000 papers were added" in client.get(here).text, "a look takes nothing away"
    assert "1 paper was added" not in client.post(here, data={"text": "2611.00009"}).text, "the list is full"
    assert "arxiv:2611.00009" not in likes(backend)


@pytest.mark.usefixtures("impatient")
def test_broken_import_shows_the_form(client: TestClient, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.join(ADA, language="de")
    here = f"{backend.settings(ADA)}/import"
    with monkeypatch.context() as broken:
        broken.setattr(libraries, "import_references", None)
        answer = client.post(here, data={"text": "2611.00001"})
        for _ in range(100):
            if "Refresh" not in answer.headers:
                break
            time.sleep(0.1)
            answer = client.get(here)
    assert answer.status_code == 503
    assert "Der Fehler liegt bei uns und ist notiert." in answer.text
    assert tree(answer.text).find(".//form") is not None
    client.post(here, data={"text": "2611.00001"})
    for _ in range(100):
        if likes(backend):
            break
        time.sleep(0.1)
    assert likes(backend) == ("arxiv:2611.00001",)


def broken_like(_page: Page) -> ReferenceImportReport:
    raise OSError("no space left")


@pytest.mark.parametrize("content", ["%PDF-1.7\0", "2611.00001 "])
async def test_import_queue_keeps_no_failed_file(content: str) -> None:
    body = content.encode() * 10_000
    before = sys.getrefcount(body)
    queue = ImportQueue()
    queue.start(1, body, "", broken_like)
    found = await queue.wait(1, 0)
    await asyncio.wait({found.task})
    assert queue.find(1) is found
    for _ in range(100):  # the thread of a pool drops its last result a moment later
        gc.collect()
        if sys.getrefcount(body) == before:
            break
        await asyncio.sleep(0.05)
    assert sys.getrefcount(body) == before


async def test_import_queue_lets_a_class_of_30_wait() -> None:
    assert SMALL_MAX >= 30
    queue = ImportQueue()
    for subscriber in range(SMALL_MAX):
        queue.start(subscriber, b"2611.00001", "", broken_like)
    with pytest.raises(Unavailable):
        queue.start(SMALL_MAX, b"2611.00001", "", broken_like)
    for subscriber in range(SMALL_MAX):
        found = queue.find(subscriber)
        assert found is not None
        found.task.cancel()
