"""Combinations of features: what one feature gives to whoever holds another feature's link, mail or account."""

from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.delivery import MailKind
from digestd.domain.subscriber import Cause, Status
from digestd.domain.suppression import SuppressionReason
from digestd.security.links import Keys, Purpose, Retired
from digestd.store.suppressions import SuppressionFilter
from digestd.subscribers.admin_edits import edit
from digestd.subscribers.erasure import erase
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.subscriber_record import parse
from digestd.subscribers.suppression import suppress, unsuppress, unsuppress_wave
from digestd.web.feedback import PER_PICK
from tests.web.conftest import PAPER, House, browsing
from tests.web.html import heading

ADA, EVE, BOB = "ada@example.org", "eve@example.net", "bob@example.com"


@pytest.mark.parametrize("how", ["free", "subscribed", "suppressed", "asked lately"])
def test_move_tells_its_owner_nothing_of_the_new_address(client: TestClient, app: App, house: House, how: str) -> None:
    """The mail to their own address comes in any case, else it would tell who subscribes."""
    eve = house.join(EVE)
    if how == "subscribed":
        house.join(ADA)
    elif how == "suppressed":
        suppress(app.db, app.keys, ADA, SuppressionReason.COMPLAINT, house.clock())
    elif how == "asked lately":
        client.post("/subscribe", data={"email": ADA})
        unsubscribe(app.db, house.subscriber(ADA).key, Cause.WEB, house.clock())
    pages = set()
    for _ in range(4):
        at = house.settings(EVE)
        pages.add(client.post(f"{at}/move", data={"email": ADA}).text.replace(at, ""))
        house.clock.advance(minutes=1)
    assert house.mails(MailKind.MOVE_FROM) == [eve.key] * 2
    assert house.mails(MailKind.MOVE_TO) == [eve.key] * (how == "free")
    assert len(pages) == 1


@pytest.mark.parametrize("reason", [SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE])
def test_unsubscribing_while_suppressed_outlives_its_undoing(
    client: TestClient, app: App, house: House, reason: SuppressionReason
) -> None:
    """Whoever is told that they are unsubscribed stays so, even if the operator takes a wave of bounces back."""
    link, now = house.link(Purpose.UNSUBSCRIBE, house.join(ADA).key), house.clock()
    suppress(app.db, app.keys, ADA, reason, now)
    house.clock.advance(minutes=5)
    assert heading(client.post(link).text) == "You’re unsubscribed"
    house.clock.advance(minutes=5)
    unsuppress_wave(app.db, SuppressionFilter(now, house.clock(), frozenset({reason})), "wrong map", house.clock())
    assert house.subscriber(ADA).status is Status.UNSUBSCRIBED


@pytest.mark.parametrize("act", ["erase", "move"])
def test_settings_link_uses_up_no_renewal(client: TestClient, house: House, act: str) -> None:
    """Renewing is the owner's way to shut out whoever else holds a link to their settings."""
    ada = house.join(ADA)
    at = house.settings(ADA)
    for day in range(5):
        for n in range(4):
            client.post(f"{at}/{act}", data={"email": f"x{day}{n}@example.com"})
        house.clock.advance(days=1)
    assert heading(client.post(f"{at}/renew").text) == "Check your inbox"
    assert house.mails(MailKind.RENEW) == [ada.key]


def test_old_confirmation_shows_nothing_of_the_settings(client: TestClient, app: App, house: House) -> None:
    client.post("/subscribe", data={"email": ADA, "topics": "sea ice"})
    link = house.confirmation(ADA)
    client.post(link)
    key = house.subscriber(ADA).key
    house.clock.advance(days=30)
    record = parse({"email": ADA, "topics": ["private matters"], "timezone": "Europe/Oslo"})
    edit(app.db, app.keys, record, house.clock())
    unsubscribe(app.db, key, Cause.WEB, house.clock())
    page = client.get(link).text
    assert "Europe/Oslo" not in page
    assert "private matters" not in page


def test_retired_key_changes_no_setting(app: App, house: House) -> None:
    for address in (ADA, BOB):
        house.join(address, size=10)
    unsubscribe(app.db, house.subscriber(BOB).key, Cause.WEB, house.clock() - timedelta(hours=2))
    links = {one: house.link(Purpose.UNSUBSCRIBE, house.subscriber(one).key) for one in (ADA, BOB)}
    ada = house.subscriber(ADA)
    revoked = Keys(b"the next secret, of thirty-two bytes", (Retired(app.keys.secret, house.clock(), revoked=True),))
    with browsing(replace(app, keys=revoked)) as client:
        assert "example.org" not in client.get(links[ADA]).text
        for act in ("weekly", "fewer", "pause"):
            client.post(f"{links[ADA]}/{act}")
        client.post(f"{links[BOB]}/back")
        assert house.mails(MailKind.CONFIRM) == []
        assert house.subscriber(ADA) == ada


def test_network_counts_for_forms_as_for_mails(client: TestClient, house: House) -> None:
    """A form that causes no mail counts as well, else the next mail to oneself would tell whether it did."""
    house.join(ADA)
    for hour in range(4):
        for n in range(25):
            client.post("/subscribe", data={"email": ADA if (hour, n) == (1, 7) else f"own{hour}.{n}@example.net"})
        house.clock.advance(hours=1)
    assert len(house.mails(MailKind.CONFIRM)) == 99
    client.post("/subscribe", data={"email": "own@example.net"})
    assert len(house.mails(MailKind.CONFIRM)) == 99


def test_link_of_one_pick_uses_up_no_other(client: TestClient, house: House) -> None:
    house.take_in(*({**PAPER, "title": f"Sorting lakes {n}", "id": f"arxiv:2411.0000{n}"} for n in range(1, 4)))
    house.join(ADA, hour=0, topics=["sorting lakes"])
    first, second = (house.link(Purpose.FEEDBACK, house.plan(), n) for n in (1, 2))
    assert [client.post(f"{first}/more").status_code for _ in range(PER_PICK + 1)][-1] == 429
    assert client.post(f"{second}/more").status_code == 200


def _exported(client: TestClient, house: House, address: str) -> dict[str, int]:
    data = client.get(f"{house.settings(address)}/data.json").json()
    return {name: len(rows) for name, rows in data.items() if isinstance(rows, list)}


@pytest.mark.parametrize("how", ["subscribed", "suppressed", "asked lately", "unsuppressed"])
def test_export_tells_nothing_of_an_address_to_move_to(client: TestClient, app: App, house: House, how: str) -> None:
    house.join(EVE), house.join(BOB)
    if how == "subscribed":
        house.join(ADA)
    elif how == "asked lately":
        client.post("/subscribe", data={"email": ADA})
    else:
        suppress(app.db, app.keys, ADA, SuppressionReason.HARD_BOUNCE, house.clock())
        if how == "unsuppressed":
            unsuppress(app.db, app.keys, ADA, "she phoned", house.clock())
    client.post(f"{house.settings(EVE)}/move", data={"email": ADA})
    client.post(f"{house.settings(BOB)}/move", data={"email": "nobody@example.com"})
    assert _exported(client, house, EVE) == _exported(client, house, BOB)


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.REQUEST])
def test_erasure_lifts_no_wish_never_to_be_written_to(
    client: TestClient, app: App, house: House, reason: SuppressionReason
) -> None:
    house.join(ADA)
    suppress(app.db, app.keys, ADA, reason, house.clock())
    erase(app.db, app.keys, ADA, house.clock())
    client.post("/subscribe", data={"email": ADA})
    assert house.mails(MailKind.CONFIRM) == []
