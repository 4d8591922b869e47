"""Test the web view of a digest."""

from sqlalchemy import select
from starlette.testclient import TestClient

from digestd.domain.delivery import MailKind
from digestd.security.links import Purpose
from digestd.store import core
from tests.web.conftest import PAPER, Backend


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


def test_view_refuses_notices(client: TestClient, backend: Backend) -> None:
    client.post("/subscribe", data={"email": "ada@example.org"})
    with backend.app.db.read() as session:
        notice = session.connection().execute(
            select(core.delivery.c.id).where(core.delivery.c.kind == MailKind.CONFIRM)
        )
        number = int(notice.scalar_one())
    for delivery in (number, 999):
        assert client.get(backend.link(Purpose.VIEW, delivery)).status_code == 404
