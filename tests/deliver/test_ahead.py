"""A batch composed in one go: the same mails as one by one, and one that fails is found out in its turn."""

import hashlib

import pytest

from digestd.deliver import Composer
from digestd.deliver.composer import Composed
from digestd.domain.delivery import Claim
from digestd.message import dot_stuffed
from digestd.store.ledger import queries
from tests.deliver.test_outcomes import spoil
from tests.parts.install import Install


def prepared(install: Install) -> tuple[Composer, list[Claim]]:
    """Every digest that waits, and what composes it."""
    with install.db.read() as session:
        claims = [claim for entry in queries.entries(session, 100) if (claim := queries.as_claim(session, entry.key))]
    composer = Composer(install.db, install.app.sender)
    composer.prepare(claims)
    return composer, claims


def test_what_is_composed_ahead_is_what_is_composed_when_it_is_asked_for(waiting: Install) -> None:
    composer, claims = prepared(waiting)
    composer.compose_ahead(claims[1:])
    for claim in claims:
        message = composer.compose(claim)
        assert composer.take(claim) == Composed(message, hashlib.sha256(message).digest())
        assert dot_stuffed(message) == message
    assert len(claims) > 1


def test_what_cannot_be_composed_ahead_fails_when_it_is_taken_and_no_other_does(waiting: Install) -> None:
    spoil(waiting, 1)
    composer, claims = prepared(waiting)
    composer.compose_ahead(claims)
    for claim in claims:
        if claim.key != 1:
            assert composer.take(claim).message
            continue
        with pytest.raises(KeyError):
            composer.take(claim)
