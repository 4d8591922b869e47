"""Composer: the same mail in any order, and a failure that concerns one mail only."""

import email
import re

import pytest

from digestd.delivery.composer import Composer
from digestd.domain.delivery import Claim
from digestd.security.addresses import NO_ATTEMPT, complaint_tag, read_envelope_from
from digestd.store.ledger import queries
from tests.support.install import Install


def prepared(install: Install) -> tuple[Composer, list[Claim]]:
    """Return a composer and every digest that waits."""
    with install.db.read() as session:
        claims = [claim for entry in queries.entries(session, 100) if (claim := queries.as_claim(session, entry.key))]
    composer = Composer(install.db, install.app.sender, install.app.templates)
    composer.prepare(claims)
    return composer, claims


def test_composer_does_not_depend_on_earlier_mails(on_file: Install) -> None:
    composer, claims = prepared(on_file)
    mails = {claim.key: composer.compose(claim) for claim in claims}
    other, _ = prepared(on_file)
    assert {claim.key: other.compose(claim) for claim in reversed(claims)} == mails
    assert len(set(mails.values())) == len(claims)


def test_composer_reads_nothing_for_prepared_mails(on_file: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    composer, claims = prepared(on_file)
    composer.prepare(claims[:1])  # as the next batch
    monkeypatch.setattr(type(on_file.db), "read", None)
    assert all(composer.compose(claim).message for claim in claims)


def test_composer_names_the_group_and_the_complaint_address(on_file: Install) -> None:
    composer, claims = prepared(on_file.to("maildir:x", complaint_address="Complaints <complaints@example.org>"))
    headers = [email.message_from_bytes(composer.compose(claim).message) for claim in claims]
    (group,) = {str(mail["Feedback-ID"]) for mail in headers}
    assert re.fullmatch(rf"{claims[0].period}:en:digest:digestd[0-9a-f]{{8}}", group)
    assert {mail["CFBL-Address"] for mail in headers} == {"complaints@example.org; report=arf"}
    keys = on_file.app.keys
    found = [read_envelope_from(keys, complaint_tag(str(mail["CFBL-Feedback-ID"]))) for mail in headers]
    assert found == [(claim.key, NO_ATTEMPT) for claim in claims]
