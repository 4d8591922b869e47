"""Test the web view of a digest."""

from sqlalchemy import select
from starlette.testclient import TestClient

from digestd.domain.delivery import MailKind
from digestd.mail.outlets import FILES
from digestd.security.tokens import Purpose
from digestd.store import core
from tests.web.conftest import PAPER, Backend
from tests.web.html import tree

LABELS = ["Markdown", "BibTeX", "RIS", "CSL-JSON"]


def test_view_equals_mail(client: TestClient, backend: Backend) -> None:
    backend.import_papers(PAPER)
    backend.join("ada@example.org", hour=0, name="Ada Lovelace")
    page = client.get(backend.link(Purpose.VIEW, backend.plan()))
    assert page.status_code == 200
    assert "Sorting keys in 𝒪(n\u00a0log\u00a0n)" in page.text
    assert "n your browser" not in page.text, "it is there already"
    assert "Unsubscribe" not in page.text
    assert 'href="https://papers.example.org/settings"' in page.text
    assert "Lovelace" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]


def test_view_offers_the_digest_as_files(client: TestClient, backend: Backend) -> None:
    backend.import_papers(PAPER)
    backend.join("ada@example.org", hour=0, name="Ada Lovelace", topics=["sorting keys"])
    view = backend.link(Purpose.VIEW, backend.plan())
    links = {a.text: a.attrib["href"] for a in tree(client.get(view).text).findall(".//footer//a") if a.text in LABELS}
    assert list(links) == LABELS
    for outlet in FILES:
        answer = client.get(links[outlet.label].removeprefix("https://papers.example.org"))
        assert answer.headers["content-type"] == outlet.media_type
        assert answer.headers["content-disposition"] == f'attachment; filename="2026-11-24.{outlet.ending}"'
        assert "Sorting keys" in answer.text
        assert "Lovelace" not in answer.text
    assert "sorting keys" in client.get(f"{view}/digest.md").text.partition("> ")[2].partition("\n")[0]
    for name in ("digest.atom", "digest.x", "other.md"):
        assert client.get(f"{view}/{name}").status_code == 404


def test_view_refuses_notices(client: TestClient, backend: Backend) -> None:
    client.post("/subscribe", data={"email": "ada@example.org"})
    with backend.app.db.read() as session:
        notice = session.connection().execute(
            select(core.delivery.c.id).where(core.delivery.c.kind == MailKind.CONFIRM)
        )
        number = int(notice.scalar_one())
    for delivery in (number, 999):
        assert client.get(backend.link(Purpose.VIEW, delivery)).status_code == 404
