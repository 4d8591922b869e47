"""Test saved papers: read, remove, download and renew the secret address."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import feedparser
import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from httpx2 import Response
from lxml import etree
from starlette.testclient import TestClient

from digestd.delivery.run import deliver
from digestd.delivery.transports import Route
from digestd.delivery.transports.maildir import MaildirTransport
from digestd.domain.paper import PaperId
from digestd.mail.outlets import FEEDS, OUTLETS
from digestd.security.tokens import Purpose
from digestd.store import feedback
from digestd.subscribers import saved_papers
from digestd.web.saved import SHOWN_MAX
from tests.web.conftest import Backend
from tests.web.html import heading, tree, words

ADA = "ada@example.org"
PAPERS = [
    {"id": f"invented:{n}", "title": f"Lakes & <ice>, part {n}", "abstract": "We study alpine lakes.",
     "authors": ["Bea Lakeman"], "categories": ["geo.ice"], "url": f"https://example.org/{n}"}
    for n in (1, 2)
]  # fmt: skip
NAMES = (
    *(f"saved.{outlet.ending}" for outlet in OUTLETS.values()),
    *(f"digests.{outlet.ending}" for outlet in FEEDS),
)
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def shelf(backend: Backend, client: TestClient, tmp_path: Path) -> str:
    """Return the path of Ada's list, with the first of two papers saved."""
    backend.import_papers(*PAPERS)
    ada = backend.join(ADA, hour=0)
    delivery = backend.plan()
    with backend.app.owners.hold("worker-1"):
        outbox = Route("outbox", MaildirTransport(tmp_path / "outbox"))
        asyncio.run(deliver(replace(backend.app.delivery("worker-1", (outbox,)), journals=tmp_path)))
    client.post(f"{backend.link(Purpose.FEEDBACK, delivery, 1)}/save")
    return backend.link(Purpose.SAVED, ada.key)


def listed(html: str) -> list[str]:
    return [words(a) for a in tree(html).findall(".//li/div/a")]


def test_owner_removes_saved_paper(client: TestClient, backend: Backend, shelf: str) -> None:
    own = f"{backend.settings(ADA)}/saved"
    page = client.get(own)
    assert heading(page.text) == "Saved papers"
    (title,) = listed(page.text)
    button = tree(page.text).find(".//li/form/input")
    assert button is not None
    for _ in range(2):
        answer = client.post(f"{own}/remove", data={"paper": button.attrib["value"]})
        assert listed(answer.text) == []
    assert "Nothing yet" in answer.text
    assert title.startswith("Lakes & <ice>, part ")
    before = backend.contents()
    assert client.post(f"{own}/remove", data={"paper": "nobody:has"}).status_code == 200
    assert backend.contents() == before


def noted(client: TestClient, own: str, paper: str, tags: str = "", note: str = "", **more: str) -> Response:
    """Post tags and a note on a paper."""
    return client.post(f"{own}/note", data={"paper": paper, "tags": tags, "note": note, **more})


def saved_id(client: TestClient, own: str) -> str:
    """Return the id of the only saved paper."""
    [paper] = {str(one.get("value")) for one in tree(client.get(own).text).iter("input") if one.get("name") == "paper"}
    return paper


def test_owner_tags_and_notes_saved_paper(client: TestClient, backend: Backend, shelf: str) -> None:
    own = f"{backend.settings(ADA)}/saved"
    paper = saved_id(client, own)
    before = backend.contents()
    page = noted(client, own, paper, "thesis, #Ice,THESIS , ", "Compare <b>table</b> 3.\r\nAsk Bea.")
    assert "Compare &lt;b&gt;table&lt;/b&gt; 3.\nAsk Bea." in page.text
    assert [words(a) for a in tree(page.text).findall(".//li/div/ul/li/a")] == ["THESIS", "Ice"]
    changed = {name for name, rows in backend.contents().items() if rows != before[name]}
    assert changed == {"feedback"}, "ranking does not read them, so no profile is void"
    assert len(listed(client.get(f"{own}?tag=ice").text)) == 1
    assert "No paper fits" in client.get(f"{own}?tag=snow").text
    assert len(listed(client.get(f"{own}?q=table").text)) == 1
    bib = client.get(f"{own}.bib?tag=ice").text
    assert (bib.count("@misc{"), "thesis" in bib.lower(), "Ask Bea." in bib) == (1, True, True)
    assert client.get(f"{own}.bib?tag=snow").text == ""
    assert client.get(f"{own}.atom").status_code == 404


def test_notes_stay_with_their_owner(client: TestClient, backend: Backend, shelf: str) -> None:
    own = f"{backend.settings(ADA)}/saved"
    noted(client, own, saved_id(client, own), "canary", "a canary sang")
    backend.join("bob@example.org")
    for path in (
        shelf,
        *(f"{shelf}/{name}" for name in NAMES),
        f"{backend.settings('bob@example.org')}/saved?q=canary",
    ):
        assert "canary" not in client.get(path).text.replace('value="canary"', "").replace("“canary”", ""), path
    backend.clock.advance(days=1)
    other = noted(client, f"{backend.settings('bob@example.org')}/saved", saved_id(client, own), "theirs", "theirs")
    assert (other.status_code, listed(other.text)) == (422, [])
    assert "theirs" not in client.get(f"{backend.settings(ADA)}/saved").text


@pytest.mark.parametrize(
    ("tags", "note", "problem"),
    [
        (",".join(f"t{n}" for n in range(11)), "", "At most 10 tags"),
        ("t" * 41, "kept as typed", "up to 40 characters"),
        ("", "n" * 2_001, "At most 2,000 characters"),
    ],
)
def test_too_long_note_is_refused(
    client: TestClient, backend: Backend, shelf: str, tags: str, note: str, problem: str
) -> None:
    own = f"{backend.settings(ADA)}/saved"
    before = backend.contents()
    page = noted(client, own, saved_id(client, own), tags, note)
    assert page.status_code == 422
    assert problem in page.text
    assert (tags in page.text, note in page.text) == (True, True)
    assert backend.contents() == before


def test_removed_paper_loses_its_note(client: TestClient, backend: Backend, shelf: str) -> None:
    own = f"{backend.settings(ADA)}/saved"
    paper = saved_id(client, own)
    noted(client, own, paper, "thesis", "Gone with it.")
    client.post(f"{own}/remove", data={"paper": paper})
    assert "Gone with it." not in repr(backend.contents())
    assert listed(client.post(f"{own}/add", data={"paper": paper}).text)
    assert "thesis" not in client.get(own).text


@pytest.mark.parametrize("name", ["invented:none", "", "\0"])
def test_note_on_removed_paper_is_shown_again(client: TestClient, backend: Backend, shelf: str, name: str) -> None:
    own = f"{backend.settings(ADA)}/saved"
    paper = saved_id(client, own)
    client.post(f"{own}/remove", data={"paper": paper})
    before = backend.contents()
    for typed in ("A note.", "n" * 2_001):
        page = noted(client, own, name or paper, "thesis", typed)
        assert page.status_code == 422
        assert "isn’t on your list anymore" in page.text
        assert f"thesis\n{typed}" in page.text
    assert backend.contents() == before


def test_refused_note_keeps_its_paper(client: TestClient, backend: Backend) -> None:
    """Even of a paper that the page does not list."""
    ada, (old, *newer) = backend.join(ADA), [f"invented:{n}" for n in range(SHOWN_MAX + 2)]
    backend.import_papers(*({**PAPERS[0], "id": name, "title": f"Lake {name}"} for name in (old, *newer)))
    for name in (old, *newer):
        saved_papers.save(backend.app.db, ada.key, PaperId(name), backend.clock())
    own = f"{backend.settings(ADA)}/saved"
    page = noted(client, own, old, note="typed " * 400, q="lake")
    assert (page.status_code, len(listed(page.text)), listed(page.text)[0]) == (422, SHOWN_MAX, f"Lake {old}")
    [field] = [one for one in tree(page.text).iter("textarea") if one.get("aria-invalid")]
    assert (field.text or "").strip().startswith("typed typed")


def test_owner_searches_what_was_sent(client: TestClient, backend: Backend, shelf: str) -> None:
    own = f"{backend.settings(ADA)}/saved"
    page = client.get(f"{own}?q=alpine+lakes")
    assert len(listed(page.text)) == 2
    buttons = {words(form).split(":")[0]: form for form in tree(page.text).findall(".//li/form")}
    assert buttons.keys() == {"Save", "Remove"}
    fields = {one.get("name", ""): one.get("value", "") for one in buttons["Save"].iter("input")}
    answer = client.post(f"{own}/add", data=fields, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{own}?q=alpine+lakes&tag=")
    assert len(listed(client.get(own).text)) == 2
    assert client.get(f"{own}.csl.json?q=part+1").json()[0]["title"].endswith("part 1")
    assert listed(client.get(f"{own}?q=%00%F0whales").text) == []


def test_secret_address_is_read_only(client: TestClient, backend: Backend, shelf: str) -> None:
    page = tree(client.get(shelf).text)
    assert len(listed(client.get(shelf).text)) == 1
    assert page.find(".//form") is None
    before = backend.contents()
    for path in (shelf, f"{shelf}/remove", f"{shelf}/renew", f"{shelf}/saved.bib"):
        assert client.post(path, data={"paper": "invented:1"}).status_code in {404, 405}
    assert backend.contents() == before


def test_files_parse_in_reference_managers(client: TestClient, shelf: str) -> None:
    bib, ris = client.get(f"{shelf}/saved.bib"), client.get(f"{shelf}/saved.ris")
    assert bib.headers["content-disposition"] == 'attachment; filename="saved.bib"'
    assert len(parse_string(bib.text).entries) == 1
    assert rispy.loads(ris.text)[0]["title"].startswith("Lakes & <ice>")


@pytest.mark.parametrize(("name", "count"), [("saved.atom", 1), ("digests.atom", 2)])
def test_atom_feed_is_valid(client: TestClient, shelf: str, name: str, count: int) -> None:
    answer = client.get(f"{shelf}/{name}")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    root = etree.fromstring(answer.content)
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == count
    for element in (root, *entries):  # RFC 4287, sections 4.1.1 and 4.1.2
        for needed in ("id", "title", "updated"):
            (found,) = element.findall(f"{ATOM}{needed}")
            assert found.text
    assert len({e.findtext(f"{ATOM}id") for e in (root, *entries)}) == count + 1
    (own,) = [link.get("href") for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"]
    assert own is not None
    assert own.endswith(f"{shelf}/{name}")
    read = feedparser.parse(answer.content)
    assert not read.bozo
    assert read.entries[0].title.startswith("Lakes & <ice>, part ")
    assert read.entries[0].link.startswith("https://example.org/")


@pytest.mark.parametrize(("name", "count"), [("saved.json", 1), ("digests.json", 2)])
def test_json_feed_is_valid(client: TestClient, shelf: str, name: str, count: int) -> None:
    answer = client.get(f"{shelf}/{name}")
    assert answer.headers["content-type"] == "application/feed+json; charset=utf-8"
    said = json.loads(answer.content)
    assert said["version"] == "https://jsonfeed.org/version/1.1"
    assert said["feed_url"].endswith(f"{shelf}/{name}")
    assert len({item["id"] for item in said["items"]}) == count
    assert all(item["content_text"] and item["url"].startswith("https://example.org/") for item in said["items"])


@pytest.mark.parametrize("name", ["saved.atom", "digests.json"])
def test_unchanged_feed_answers_304(client: TestClient, backend: Backend, shelf: str, name: str) -> None:
    first = client.get(f"{shelf}/{name}")
    for known in (
        {"If-None-Match": first.headers["etag"]},
        {"If-None-Match": f'W/"x", W/{first.headers["etag"]}'},
        {"If-Modified-Since": first.headers["last-modified"]},
    ):
        again = client.get(f"{shelf}/{name}", headers=known)
        assert (again.status_code, again.content) == (304, b"")
    for stale in ({"If-None-Match": '"x"'}, {"If-Modified-Since": "yesterday"}):
        assert client.get(f"{shelf}/{name}", headers=stale).status_code == 200


def test_empty_feed_is_valid(client: TestClient, backend: Backend) -> None:
    shelf = backend.link(Purpose.SAVED, backend.join("bob@example.org").key)
    assert feedparser.parse(client.get(f"{shelf}/digests.atom").content).bozo is False
    assert json.loads(client.get(f"{shelf}/saved.json").content)["items"] == []
    assert client.get(f"{shelf}/saved.bib").text == ""


def test_new_address_voids_old_one(client: TestClient, backend: Backend, shelf: str) -> None:
    ada = backend.subscriber(ADA)
    with backend.app.db.write() as session:
        edition = feedback.renew_saved_link(session, ada.key)
    for path in (shelf, *(f"{shelf}/{name}" for name in NAMES)):
        assert client.get(path).status_code == 404
    new = backend.link(Purpose.SAVED, ada.key, edition)
    assert len(listed(client.get(new).text)) == 1
    assert new in [a.attrib["href"] for a in tree(client.get(f"{backend.settings(ADA)}/saved").text).iter("a")]


def test_secret_page_has_noindex_and_no_referrer(client: TestClient, shelf: str) -> None:
    for path in (shelf, *(f"{shelf}/{name}" for name in NAMES)):
        answer = client.get(path)
        assert "noindex" in answer.headers["x-robots-tag"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "public" not in answer.headers["cache-control"]
    assert client.get(f"{shelf}/saved.xml").status_code == 404
    assert client.get(f"{shelf}/digests.bib").status_code == 404
