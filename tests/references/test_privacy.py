"""Check every way to import a reference.

Against everything that anybody but its owner can see.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel
from starlette.testclient import TestClient
from typer.testing import CliRunner

from digestd.cli import app as cli
from digestd.domain.digest import ReasonKind
from digestd.domain.interest import Verdict
from digestd.security.tokens import Purpose, Scope, make_token
from digestd.store import core, integrations, references
from digestd.store.ledger import queries
from digestd.store.ledger.packing import unpack_picks
from digestd.subscribers import feedback
from digestd.subscribers.libraries import link_zotero, sync_due
from tests.digests.topic_papers import TOPIC, named, paper, shelf
from tests.libraries.library_servers import KEY, Zotero, in_thread
from tests.references.conftest import ABSTRACT, ADA, BEA, CANARY, HOME, doi, files, known, title
from tests.support.install import Install
from tests.web.conftest import browsing

THEIRS = frozenset({"reference", "interest", "profile", "library_entry", "paper_lookup"})
"""Tables with rows of a subscriber that may hold their own words."""
SECRET = "s" * 43


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Use SQLite only: pages do not depend on the engine."""
    return sqlite_url


@pytest.fixture
def client(installed: Install) -> Iterator[TestClient]:
    with browsing(installed.app, base_url=HOME) as opened:
        yield opened


@contextmanager
def ended(installed: Install) -> Iterator[Zotero]:
    """Return a library provider on this machine, which the installation uses."""
    with in_thread() as served:
        served.put("CANARY00", title=title("zotero-linked"), abstractNote=ABSTRACT, DOI=doi("zotero-linked"))
        yield served


def settings(installed: Install, address: str) -> str:
    """Return the path of a subscriber's settings."""
    return (
        f"/p/{make_token(installed.app.keys, Purpose.PREFERENCES, known(installed, address).key, installed.clock.now)}"
    )


def typed(installed: Install, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """Run a command as the operator, and return what it prints."""
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(cli, [*words]).output


def brought(installed: Install, client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """Import references in every way there is; return the words that identify them."""
    here, ways = f"{settings(installed, ADA)}/import", set()
    for form, text in files().items():
        assert client.post(here, files={"file": (f"mine.{form}", text.encode())}).status_code == 200, form
        pasted = text.replace(title(form), title(f"{form}-pasted")).replace(doi(form), doi(f"{form}-pasted"))
        assert client.post(here, data={"text": pasted, "form": form}).status_code == 200, form
        installed.clock.go(timedelta(minutes=11))  # the form takes a few files in ten minutes
        ways |= {form, f"{form}-pasted"}
    file = tmp_path / "canary.bib"
    file.write_text(files()["bibtex"].replace(title("bibtex"), title("typed")).replace(doi("bibtex"), doi("typed")))
    typed(installed, monkeypatch, "subscriber", "interests", ADA, "--import", str(file))
    file.unlink()
    with ended(installed) as served:
        addresses = {"zotero_url": served.base}
        by = replace(installed.app, settings=installed.app.settings.model_copy(update=addresses)).libraries
        asyncio.run(link_zotero(by, known(installed, ADA).key, KEY, ""))
        assert asyncio.run(sync_due(by)) == 1
    return ways | {"typed", "zotero-linked"}


def mails(tmp_path: Path) -> dict[str, str]:
    """Return the HTML and text of the mail that each address got."""
    found = {}
    for file in (tmp_path / "outbox" / "new").iterdir():
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
        found[str(mail["to"])] = "\n".join([*parts, str(mail["subject"])])
    return found


def pages(installed: Install, client: TestClient) -> Iterator[tuple[str, str]]:
    """Yield what everybody sees, and what Bea sees.

    Also what Ada's links show if she shares them.
    """
    asked = {"topics": "canarytitle canaryabstract"}
    for path in ("/", "/papers", f"/papers/{installed.clock.now.date()}"):
        yield path, client.get(path).text
    for path in ("/preview", "/preview/picks"):
        yield path, client.post(path, data=asked).text.replace(asked["topics"], "")
    for path in ("", "/data.json"):
        yield f"settings{path} of {BEA}", client.get(f"{settings(installed, BEA)}{path}").text
    for who, delivery in digests(installed).items():
        yield (
            f"view of {who}",
            client.get(f"/d/{make_token(installed.app.keys, Purpose.VIEW, delivery, installed.clock.now)}").text,
        )
        yield (
            f"pick of {who}",
            client.get(f"/f/{make_token(installed.app.keys, Purpose.FEEDBACK, delivery, installed.clock.now, 1)}").text,
        )
        saved = f"/s/{make_token(installed.app.keys, Purpose.SAVED, known(installed, who).key, installed.clock.now)}"
        for name in ("", "/saved.bib", "/saved.ris", "/saved.atom", "/digests.atom", "/digests.json"):
            yield f"saved{name} of {who}", client.get(f"{saved}{name}").text


def digests(installed: Install) -> dict[str, int]:
    """Return the number of each subscriber's newest digest."""
    with installed.db.read() as session:
        return {who: queries.digests(session, known(installed, who).key)[-1].key for who in (ADA, BEA)}


def answers(installed: Install, client: TestClient) -> Iterator[tuple[str, str]]:
    """Yield the answers to an API client that may read, except Ada's own record."""
    with installed.db.write() as session:
        number = integrations.add_token(session, "test", SECRET, frozenset({Scope.READ}), installed.clock.now)
    client.headers["Authorization"] = f"Bearer digestd_{number}_{SECRET}"
    bea, held = known(installed, BEA).key, [f"digests/{delivery}" for delivery in digests(installed).values()]
    for path in ("papers?limit=200", f"subscribers/{bea}", f"subscribers/{bea}/interests", "digests", *held):
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, path
        yield f"api {path}", answer.text
    statuses = {client.get(f"/api/v1/papers/doi:{doi(form)}").status_code for form in files()}
    assert statuses == {404}


def commands(installed: Install, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Yield the output of commands that are not about Ada's own data."""
    for words in (
        ("paper", "list", "--limit", "500", "--json"),
        ("paper", "show", str(named("strong00")), "--json"),
        ("preview", BEA),
        ("explain", BEA, str(named("strong01"))),
        ("explain", ADA, str(named("strong01"))),
        ("delivery", "list", "--json"),
        ("delivery", "show", "1", "--json"),
        ("delivery", "show", "2", "--json"),
        ("coverage",),
        ("evaluate", "--feedback", "--json"),
    ):
        yield " ".join(words), typed(installed, monkeypatch, *words)
    gone = typed(installed, monkeypatch, "paper", "show", f"doi:{doi('bibtex')}")
    assert "title" not in gone


def rows(installed: Install) -> dict[str, str]:
    """Return the rows of every table that must not contain words of a subscriber."""
    with installed.db.read() as session:
        connection = session.connection()
        found = {
            name: repr(connection.execute(select(table)).all())
            for name, table in SQLModel.metadata.tables.items()
            if name not in THEIRS | {"delivery"}
        }
        others = select(core.delivery).where(core.delivery.c.subscriber_id != known(installed, ADA).key)
        found["delivery"] = repr(connection.execute(others).all())
    return found


async def test_no_reference_is_seen_by_anybody_else(
    installed: Install, client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ways = await asyncio.to_thread(brought, installed, client, monkeypatch, tmp_path)
    with installed.db.read() as session:
        own = references.of(session, known(installed, ADA).key)
    assert {title(way) for way in ways if not way.startswith("ids")} == {one.words.title for one in own.values()}
    installed.papers([paper("strong00"), *shelf("strong", 4)])
    installed.plan()
    await installed.deliver()
    feedback.add_feedback(installed.db, installed.app.keys, BEA, named("strong01"), Verdict.MORE, installed.clock.now)
    with installed.db.read() as session:
        packed = session.connection().execute(
            select(core.delivery.c.picks).where(core.delivery.c.subscriber_id == known(installed, ADA).key)
        )
        kinds = {pick.reason.kind for pick in unpack_picks(packed.scalar_one())}
    assert ReasonKind.REFERENCE in kinds, "her references choose her papers"
    sent = mails(tmp_path)
    assert "canarytitle" in sent[ADA], "her own mail names the reference"
    seen = {f"mail to {BEA}": sent[BEA], **rows(installed)}
    seen |= dict(
        await asyncio.to_thread(
            lambda: [*pages(installed, client), *answers(installed, client), *commands(installed, monkeypatch)]
        )
    )
    assert [name for name, text in seen.items() if CANARY in text.casefold()] == []


async def test_owner_sees_and_removes_their_references(installed: Install, client: TestClient) -> None:
    here = settings(installed, ADA)
    assert client.post(f"{here}/import", data={"text": files()["bibtex"]}).status_code == 200
    assert title("bibtex") in client.get(here).text
    held = json.loads(client.get(f"{here}/data.json").text)["reference"]
    assert [(one["title"], one["abstract"], one["ids"]) for one in held] == [
        (title("bibtex"), ABSTRACT, [f"doi:{doi('bibtex')}"])
    ]
    client.post(f"{here}/drop", data={"kind": "paper", "value": f"doi:{doi('bibtex')}"})
    assert title("bibtex") not in client.get(here).text
    with installed.db.read() as session, suppress(KeyError):
        assert references.of(session, known(installed, ADA).key) == {}


def test_shared_pages_do_not_name_the_reference(installed: Install, client: TestClient) -> None:
    client.post(f"{settings(installed, ADA)}/import", data={"text": files()["bibtex"]})
    installed.papers(shelf("strong", 3))
    installed.plan()
    with installed.db.read() as session:
        delivery = queries.digests(session, known(installed, ADA).key)[-1].key
    view = client.get(f"/d/{make_token(installed.app.keys, Purpose.VIEW, delivery, installed.clock.now)}").text
    assert "Similar to a paper you added" in view
    assert "canary" not in view.casefold()
    assert TOPIC in view
