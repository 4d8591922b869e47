"""Test the groups on the settings page: what a member sees, shares and leaves."""

import pytest
from starlette.testclient import TestClient

from digestd.domain.group import Membership
from digestd.domain.interest import Kind, Stance
from digestd.store import groups
from digestd.subscribers import group_edits
from tests.web.conftest import Backend
from tests.web.html import tree, words

ADA, BOB, LIST = "ada@example.org", "bob@example.org", "lab@example.org"


@pytest.fixture
def lab(backend: Backend) -> Backend:
    """Return a group of Ada, Bob and their list, and another group of Bob alone."""
    app, now = backend.app, backend.clock()
    group_edits.add(app.db, "Ice lab", {(Kind.TOPIC, Stance.LIKED): ["lake ice"]}, now)
    group_edits.add(app.db, "Other lab", {}, now)
    for address, name, is_list in ((ADA, "Ada Canary", False), (BOB, "Bob Canary", False), (LIST, "", True)):
        backend.join(address, name=name, topics=[f"topic of {address[:3]}"])
        group_edits.join(app.db, app.keys, "Ice lab", address, now, is_list=is_list)
    group_edits.join(app.db, app.keys, "Other lab", BOB, now)
    return backend


def memberships(lab: Backend, address: str) -> list[Membership]:
    with lab.app.db.read() as session:
        return groups.of_subscriber(session, lab.subscriber(address).key)


def section(html: str) -> str:
    found = tree(html).find(".//section[@aria-labelledby='groups']")
    return "" if found is None else words(found)


def test_member_shares_and_leaves(client: TestClient, lab: Backend) -> None:
    here, [membership] = lab.settings(ADA), memberships(lab, ADA)
    assert membership.shared_since is None
    assert "lake ice" in section(client.get(here).text)
    number = str(membership.group.key)
    for form, shares in (({"shares": "on"}, True), ({}, False)):
        assert client.post(f"{here}/groups/share", data={"group": number, **form}).status_code == 200
        [membership] = memberships(lab, ADA)
        assert (membership.shared_since is not None) == shares
    assert client.get(f"{here}/groups/leave").status_code in {404, 405}
    answer = client.post(f"{here}/groups/leave", data={"group": number})
    assert memberships(lab, ADA) == []
    assert section(answer.text) == ""


def test_page_discloses_no_other_member(client: TestClient, lab: Backend) -> None:
    [bobs, _] = memberships(lab, BOB)
    client.post(f"{lab.settings(BOB)}/groups/share", data={"group": str(bobs.group.key), "shares": "on"})
    for address in (ADA, LIST):
        page = client.get(lab.settings(address)).text
        assert "Bob Canary" not in page
        assert "topic of bob" not in page
        assert "bob@" not in page


@pytest.mark.parametrize("act", ["share", "leave"])
def test_only_own_memberships_change(client: TestClient, lab: Backend, act: str) -> None:
    before, [_, others] = memberships(lab, BOB), memberships(lab, BOB)
    for number in (str(others.group.key), "0", "-1", str(10**30)):
        answer = client.post(f"{lab.settings(ADA)}/groups/{act}", data={"group": number, "shares": "on"})
        assert answer.status_code == 404
    assert memberships(lab, BOB) == before


def test_list_address_cannot_share(client: TestClient, lab: Backend) -> None:
    [membership] = memberships(lab, LIST)
    here, data = lab.settings(LIST), {"group": str(membership.group.key), "shares": "on"}
    assert "mailing list" in section(client.get(here).text)
    assert client.post(f"{here}/groups/share", data=data).status_code == 404
    assert memberships(lab, LIST) == [membership]
