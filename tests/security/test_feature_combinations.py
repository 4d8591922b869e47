"""Test combinations of features.

What the link, mail or account of one feature gives to another.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.delivery import MailKind, SuppressionReason
from digestd.domain.subscriber import Cause, Status
from digestd.security.keys import Keys, RetiredSecret
from digestd.security.tokens import Purpose
from digestd.store.suppressions import SuppressionFilter
from digestd.subscribers.admin_edits import edit
from digestd.subscribers.personal_data import erase
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.subscriber_record import parse
from digestd.subscribers.suppression import suppress, unsuppress, unsuppress_wave
from digestd.web.feedback import PER_PICK
from tests.web.conftest import PAPER, Backend, browsing
from tests.web.html import heading

ADA, EVE, BOB = "ada@example.org", "eve@example.net", "bob@example.com"


@pytest.mark.parametrize("how", ["free", "subscribed", "suppressed", "asked lately"])
def test_address_change_discloses_no_subscriber(client: TestClient, app: App, backend: Backend, how: str) -> None:
    """The mail to the own address is sent in any case. Else it would disclose who subscribes."""
    eve = backend.join(EVE)
    if how == "subscribed":
        backend.join(ADA)
    elif how == "suppressed":
        suppress(app.db, app.keys, ADA, SuppressionReason.COMPLAINT, backend.clock())
    elif how == "asked lately":
        client.post("/subscribe", data={"email": ADA})
        unsubscribe(app.db, backend.subscriber(ADA).key, Cause.WEB, backend.clock())
    pages = set()
    for _ in range(4):
        at = backend.settings(EVE)
        pages.add(client.post(f"{at}/move", data={"email": ADA}).text.replace(at, ""))
        backend.clock.advance(minutes=1)
    assert backend.mails(MailKind.ADDRESS_CHANGE_OLD) == [eve.key] * 2
    assert backend.mails(MailKind.ADDRESS_CHANGE_NEW) == [eve.key] * (how == "free")
    assert len(pages) == 1


@pytest.mark.parametrize("reason", [SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE])
def test_unsubscribe_while_suppressed_survives_unsuppress(
    client: TestClient, app: App, backend: Backend, reason: SuppressionReason
) -> None:
    """The operator may lift a wave of suppressions. An unsubscribed reader stays unsubscribed."""
    link, now = backend.link(Purpose.UNSUBSCRIBE, backend.join(ADA).key), backend.clock()
    suppress(app.db, app.keys, ADA, reason, now)
    backend.clock.advance(minutes=5)
    assert heading(client.post(link).text) == "You’re unsubscribed"
    backend.clock.advance(minutes=5)
    unsuppress_wave(app.db, SuppressionFilter(now, backend.clock(), frozenset({reason})), "wrong map", backend.clock())
    assert backend.subscriber(ADA).status is Status.UNSUBSCRIBED


@pytest.mark.parametrize("act", ["erase", "move"])
def test_settings_link_does_not_use_up_renewals(client: TestClient, backend: Backend, act: str) -> None:
    """Renewal is how the owner locks out others who have a settings link."""
    ada = backend.join(ADA)
    at = backend.settings(ADA)
    for day in range(5):
        for n in range(4):
            client.post(f"{at}/{act}", data={"email": f"x{day}{n}@example.com"})
        backend.clock.advance(days=1)
    assert heading(client.post(f"{at}/renew").text) == "Check your inbox"
    assert backend.mails(MailKind.RENEW) == [ada.key]


def test_old_confirmation_discloses_no_settings(client: TestClient, app: App, backend: Backend) -> None:
    client.post("/subscribe", data={"email": ADA, "topics": "sea ice"})
    link = backend.confirmation(ADA)
    client.post(link)
    key = backend.subscriber(ADA).key
    backend.clock.advance(days=30)
    record = parse({"email": ADA, "topics": ["private matters"], "timezone": "Europe/Oslo"})
    edit(app.db, app.keys, record, backend.clock())
    unsubscribe(app.db, key, Cause.WEB, backend.clock())
    page = client.get(link).text
    assert "Europe/Oslo" not in page
    assert "private matters" not in page


def test_retired_key_changes_no_setting(app: App, backend: Backend) -> None:
    for address in (ADA, BOB):
        backend.join(address, size=10)
    unsubscribe(app.db, backend.subscriber(BOB).key, Cause.WEB, backend.clock() - timedelta(hours=2))
    links = {one: backend.link(Purpose.UNSUBSCRIBE, backend.subscriber(one).key) for one in (ADA, BOB)}
    ada = backend.subscriber(ADA)
    revoked = Keys(
        b"the next secret, of thirty-two bytes", (RetiredSecret(app.keys.secret, backend.clock(), revoked=True),)
    )
    with browsing(replace(app, keys=revoked)) as client:
        assert "example.org" not in client.get(links[ADA]).text
        for act in ("weekly", "fewer", "pause"):
            client.post(f"{links[ADA]}/{act}")
        client.post(f"{links[BOB]}/back")
        assert backend.mails(MailKind.CONFIRM) == []
        assert backend.subscriber(ADA) == ada


def test_forms_without_mail_count_for_network(client: TestClient, backend: Backend) -> None:
    """Otherwise the next mail to oneself would disclose whether a form caused one."""
    backend.join(ADA)
    for hour in range(4):
        for n in range(25):
            client.post("/subscribe", data={"email": ADA if (hour, n) == (1, 7) else f"own{hour}.{n}@example.net"})
        backend.clock.advance(hours=1)
    assert len(backend.mails(MailKind.CONFIRM)) == 99
    client.post("/subscribe", data={"email": "own@example.net"})
    assert len(backend.mails(MailKind.CONFIRM)) == 99


def test_pick_links_have_separate_limits(client: TestClient, backend: Backend) -> None:
    backend.import_papers(*({**PAPER, "title": f"Sorting lakes {n}", "id": f"arxiv:2411.0000{n}"} for n in range(1, 4)))
    backend.join(ADA, hour=0, topics=["sorting lakes"])
    first, second = (backend.link(Purpose.FEEDBACK, backend.plan(), n) for n in (1, 2))
    assert [client.post(f"{first}/more").status_code for _ in range(PER_PICK + 1)][-1] == 429
    assert client.post(f"{second}/more").status_code == 200


def _exported(client: TestClient, backend: Backend, address: str) -> dict[str, int]:
    data = client.get(f"{backend.settings(address)}/data.json").json()
    return {name: len(rows) for name, rows in data.items() if isinstance(rows, list)}


@pytest.mark.parametrize("how", ["subscribed", "suppressed", "asked lately", "unsuppressed"])
def test_export_discloses_nothing_about_new_address(client: TestClient, app: App, backend: Backend, how: str) -> None:
    backend.join(EVE), backend.join(BOB)
    if how == "subscribed":
        backend.join(ADA)
    elif how == "asked lately":
        client.post("/subscribe", data={"email": ADA})
    else:
        suppress(app.db, app.keys, ADA, SuppressionReason.HARD_BOUNCE, backend.clock())
        if how == "unsuppressed":
            unsuppress(app.db, app.keys, ADA, "she phoned", backend.clock())
    client.post(f"{backend.settings(EVE)}/move", data={"email": ADA})
    client.post(f"{backend.settings(BOB)}/move", data={"email": "nobody@example.com"})
    assert _exported(client, backend, EVE) == _exported(client, backend, BOB)


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.REQUEST])
def test_erasure_keeps_suppression_on_request(
    client: TestClient, app: App, backend: Backend, reason: SuppressionReason
) -> None:
    backend.join(ADA)
    suppress(app.db, app.keys, ADA, reason, backend.clock())
    erase(app.db, app.keys, ADA, backend.clock())
    client.post("/subscribe", data={"email": ADA})
    assert backend.mails(MailKind.CONFIRM) == []
