"""Test damaged ledger rows.

Each concerns one mail only, and the operator is told which.
"""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import JSON, cast, literal, select
from typer.testing import CliRunner

from digestd.cli import app
from digestd.errors import Damaged
from digestd.security.tokens import Purpose, make_token
from digestd.store import core
from digestd.web import build
from tests.delivery.conftest import READERS
from tests.support.install import Install
from tests.support.relay import Relay
from tests.support.smtp import transport
from tests.web.conftest import local_client

DELIVERY = core.delivery.c
VICTIM = 3
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda picks: picks[:40],
    "zeros": lambda picks: bytes(len(picks)),
    "nothing": lambda _: b"",
}
COVERAGES = {
    "a list": '["arXiv"]',
    "no state": '{"arXiv": ["late"]}',
}
NOT_JSON = '{"arXiv": "la'
"""Which PostgreSQL does not let in."""


@pytest.mark.parametrize("how", DAMAGES)
async def test_damaged_digest_is_reported_with_its_reason(
    how: str, on_file: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(on_file, DAMAGES[how])
    await tried(on_file)
    assert shown_delivery(on_file, monkeypatch, "picks")["picked"] == []


@pytest.mark.parametrize("kept", COVERAGES.values(), ids=COVERAGES)
async def test_damaged_coverage_poisons_one_mail_only(
    kept: str, on_file: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    cover(on_file, kept)
    await tried(on_file)
    assert shown_delivery(on_file, monkeypatch, "coverage")["picked"]


async def test_digest_with_invalid_coverage_is_still_readable(
    on_file: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    cover(on_file, NOT_JSON)
    await tried(on_file)
    shown_delivery(on_file, monkeypatch, "coverage")
    reader = f"reader{VICTIM - 1}@example.net"
    (mail,) = json.loads(output_of("subscriber", "data", reader))["delivery"]
    assert (mail["coverage"], bool(mail["picks"])) == (None, True)
    with pytest.raises(Damaged, match="its coverage cannot be read"):
        CliRunner().invoke(app, ("replay", reader, mail["key"]), catch_exceptions=False)
    keys = on_file.app.keys
    with TestClient(build(on_file.app)) as client:
        for purpose in (Purpose.VIEW, Purpose.FEEDBACK):
            page = f"/{purpose.value[0].replace('v', 'd')}/{make_token(keys, purpose, VICTIM, on_file.app.clock(), 1)}"
            assert client.get(page).status_code == 200, page


async def test_next_digest_arrives_after_a_damaged_one(on_file: Install) -> None:
    damage(on_file, DAMAGES["cut"])
    on_file.next_day()
    assert on_file.plan().planned == READERS
    on_file.run_on(timedelta(hours=2))
    async with Relay().serving() as relay:
        report = await on_file.deliver(transport(relay.port))
    assert (report.accepted, report.expired, report.stopped) == (READERS, READERS, None)


def damage(install: Install, how: Callable[[bytes], bytes]) -> None:
    """Let the picks of one digest be what a disk made of them."""
    with install.db.write() as session:
        picks = session.connection().execute(select(DELIVERY.picks).where(DELIVERY.id == VICTIM)).scalar_one()
        spoilt = core.delivery.update().where(DELIVERY.id == VICTIM).values(picks=how(picks))
        session.connection().execute(spoilt)


def cover(install: Install, kept: str) -> None:
    """Let the coverage of one digest be this text."""
    value = literal(kept) if install.db.is_sqlite else cast(literal(kept), JSON)
    spoilt = core.delivery.update().where(DELIVERY.id == VICTIM).values(coverage=value)
    with install.db.write() as session:
        session.connection().execute(spoilt)


async def tried(install: Install) -> None:
    """Deliver until a mail that cannot be composed is poisoned.

    The others are sent the first time.
    """
    async with Relay().serving() as relay:
        reports = []
        for _ in range(3):
            reports.append(await install.deliver(transport(relay.port)))
            install.clock.go(timedelta(minutes=11))
    assert [(r.accepted, r.poisoned, r.stopped) for r in reports] == [
        (READERS - 1, 0, None),
        (0, 0, None),
        (0, 1, None),
    ]


def shown_delivery(install: Install, monkeypatch: pytest.MonkeyPatch, what: str) -> dict[str, object]:
    """Return the damaged delivery as `delivery show` prints it.

    Check that others report it too.
    """
    for name, value in install.environment().items():
        monkeypatch.setenv(name, value)
    listed = {row["id"]: row for row in json.loads(output_of("delivery", "list", "--json"))}
    assert len(listed) == READERS
    assert (listed[VICTIM]["state"], listed[VICTIM]["reason"]) == (
        "poisoned",
        f"cannot be composed: its {what} cannot be read, so the database is damaged: restore the last backup",
    )
    assert {"id": VICTIM, "state": "poisoned"} in json.loads(output_of("fsck", "--json", code=1))["I15"]
    with local_client(install.app) as client:
        assert client.get("/readyz").json()["poisoned"] == 1
    shown: dict[str, object] = json.loads(output_of("delivery", "show", str(VICTIM), "--json"))
    assert len(shown["tries"]) == 3  # type: ignore[arg-type]  # a list
    return shown


def output_of(*words: str, code: int = 0) -> str:
    """Return the output of a command."""
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    return result.stdout
