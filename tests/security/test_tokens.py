"""Test that changed tokens of any kind open nothing anywhere."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.security.addresses import (
    make_command_address,
    make_envelope_from,
    read_command_address,
    read_envelope_from,
)
from digestd.security.keys import Keys, RetiredSecret
from digestd.security.tokens import BadToken, Purpose, Scope, make_token, read_token
from digestd.store import integrations
from digestd.web.guards import is_timely, new_timestamp
from tests.conftest import NOW
from tests.security.routes import filled, opening, routes
from tests.support.forged_tokens import changed_as_a_whole, token_variants
from tests.support.tiers import sized
from tests.web.conftest import PAPER, Backend

EACH = sized(2_000, 100_000)
EACH_ENDPOINT = sized(12, 1_000)
KEYS = Keys(bytes(range(32)))
LATER = Keys(bytes(range(1, 33)), (RetiredSecret(KEYS.secret, NOW + timedelta(days=1)),))
"""After a rotation: what the retired secret made before is read too, so it must be as hard to forge."""
READ = NOW + timedelta(days=2)
HOST = "example.org"
FORM = {"library": "1", "what": "phrase:sorting keys", "kind": "phrase", "value": "sorting keys", "paper": "x"}
"""What the forms behind links ask for, so that nothing but the link can be wrong."""


def _of(purpose: Purpose) -> tuple[Callable[[Keys, int], str], Callable[[Keys, str], object]]:
    return lambda keys, n: make_token(keys, purpose, n, NOW, n % 7 + 1), lambda keys, made: read_token(
        keys, purpose, made, READ
    )


def _command(keys: Keys, n: int) -> str:
    return make_command_address("digest", make_token(keys, Purpose.COMMAND, n, NOW), HOST).partition("@")[0]


def _commanded(keys: Keys, address: str) -> object:
    return read_token(keys, Purpose.COMMAND, read_command_address(address)[1], READ)


NETWORK = b"n" * 32


def _stamp(keys: Keys, n: int) -> str:
    return new_timestamp(keys, NETWORK, datetime.fromtimestamp(NOW.timestamp() + n / 1000, UTC))


def _stamp_taken(keys: Keys, stamp: str) -> object:
    if not is_timely(keys, NETWORK, stamp, datetime.fromtimestamp(NOW.timestamp() + 60, UTC)):
        raise BadToken("the form is none of ours")
    return stamp


KINDS: dict[str, tuple[Callable[[Keys, int], str], Callable[[Keys, str], object]]] = {
    **{str(purpose): _of(purpose) for purpose in Purpose},
    "stamp": (
        lambda keys, n: new_timestamp(keys, NETWORK, datetime.fromtimestamp(NOW.timestamp() + n / 1000, UTC)),
        _stamp_taken,
    ),
    "command address": (_command, _commanded),
    "return path": (lambda keys, n: make_envelope_from(keys, n, 1, f"b@{HOST}").partition("@")[0], read_envelope_from),
}


@pytest.mark.parametrize("kind", KINDS)
def test_changed_tokens_are_refused(kind: str) -> None:
    make, take = KINDS[kind]
    folds = kind in {"command address", "return path"}  # these may change case on their way
    dice, tried = Random(8058), 0
    for made in (make(LATER if n % 2 else KEYS, n) for n in count(1)):
        assert take(LATER, made)
        for forged in token_variants(made, dice):
            if not (folds and forged.isascii() and _is_same_address(forged, made)):
                assert not _is_accepted(take, forged), forged
                tried += 1
        if tried >= EACH:
            break


def _is_same_address(one: str, other: str) -> bool:
    """Return True if two local parts differ in case or before the tag only."""
    tags = {address.lower().rpartition("+")[2] for address in (one, other)}
    return len(tags) == 1


def _is_accepted(take: Callable[[Keys, str], object], forged: str) -> bool:
    try:
        take(LATER, forged)
    except BadToken:
        return False
    return True


def _calls(app: App) -> Iterator[tuple[str, str]]:
    """Yield every page behind a link, with each of its methods."""
    for route in routes(app):
        if "{token}" in route.path:
            yield from ((method, route.path) for method in sorted(route.methods or ()))


def test_changed_links_open_nothing(client: TestClient, app: App, backend: Backend) -> None:
    backend.import_papers(PAPER)
    calls = list(_calls(app))
    assert len(calls) > 50
    links = {path: opening(backend, path, n)["token"] for n, path in enumerate({path for _, path in calls})}
    before, dice, opened = backend.contents(), Random(8058), []
    for method, path in calls:
        spellings = list(token_variants(links[path], dice))
        for forged in dice.sample(spellings, min(EACH_ENDPOINT, len(spellings))):
            sent = {"data": FORM} if method == "POST" else {}
            answer = client.request(method, filled(path, quote(forged, safe="")), **sent)  # type: ignore[arg-type]  # a form or nothing
            if answer.status_code not in {404, 405}:
                opened.append((method, path, forged, answer.status_code))
    assert opened == []
    assert backend.contents() == before
    for method, path in calls:
        assert client.request(method, filled(path, links[path])).status_code != 404, "the unchanged link opens"


def test_changed_api_tokens_are_refused(
    client: TestClient, app: App, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, dice = "s3cr-t_" + "x" * 36, Random(8058)
    with app.db.write() as session:
        number = integrations.add_token(session, "ours", secret, frozenset(Scope), backend.clock())
        integrations.add_token(session, "another's", "y" * 43, frozenset(Scope), backend.clock())
    made = f"digestd_{number}_{secret}"
    spellings = list(token_variants(made, dice))
    spellings = dice.sample(spellings, min(sized(300, 2_000), len(spellings)))
    for forged in (*spellings, *changed_as_a_whole(made)):
        if forged.strip() == made:
            continue  # HTTP trims what it carries
        backend.clock.advance(seconds=2)  # as often as a stranger may try
        answer = client.get("/api/v1/papers", headers={b"Authorization": f"Bearer {forged}".encode()})
        assert answer.status_code == 401, forged
    assert client.get("/api/v1/papers", headers={"Authorization": f"Bearer {made}"}).status_code == 200
