"""Tokens, canonical addresses, return paths and Message-IDs."""

import base64
import hmac
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.errors import BadInput, BadRecord, BadSetting
from digestd.security.addresses import (
    address_key,
    canonical_address,
    make_command_address,
    make_envelope_from,
    make_message_id,
    read_command_address,
    read_envelope_from,
)
from digestd.security.keys import GRACE, Keys, RetiredSecret
from digestd.security.tokens import (
    PLACE_MAX,
    BadToken,
    OutdatedToken,
    Purpose,
    make_pick_tokens,
    make_token,
    read_token,
)
from digestd.security.urls import Urls
from tests.conftest import NOW

KEYS = Keys(bytes(range(32)))
OTHER = Keys(bytes(range(1, 33)))
NUMBERS = st.integers(0, 2**48 - 1)
VERSIONS = st.integers(0, 2**32 - 1)
PLACES = st.integers(1, PLACE_MAX)
TIMES = st.integers(0, 2**32 - 1).map(lambda second: datetime.fromtimestamp(second, UTC))
RETIRED = NOW + timedelta(days=10)
"""Instant at which the secret of KEYS is retired."""
LATER = Keys(OTHER.secret, (RetiredSecret(KEYS.secret, RETIRED),))
REVOKED = Keys(OTHER.secret, (RetiredSecret(KEYS.secret, RETIRED, revoked=True),))


@given(
    secret=st.binary(min_size=32, max_size=200),
    use=st.text(st.characters(codec="utf-8"), max_size=20),
    message=st.binary(max_size=200),
)
def test_mac_equals_the_standard_library(secret: bytes, use: str, message: bytes) -> None:
    key = hmac.digest(secret, f"digestd:{use}".encode(), "sha256")
    assert Keys(secret).mac(use, message) == hmac.digest(key, message, "sha256")


def version_of(purpose: Purpose) -> st.SearchStrategy[int]:
    """Return a strategy of the versions that tokens of a purpose may have."""
    return PLACES if purpose is Purpose.FEEDBACK else VERSIONS


@given(data=st.data(), purpose=st.sampled_from(Purpose), number=NUMBERS, at=TIMES)
def test_token_returns_number_version_and_issue_time(
    data: st.DataObject, purpose: Purpose, number: int, at: datetime
) -> None:
    version = data.draw(version_of(purpose))
    made = make_token(KEYS, purpose, number, at, version)
    assert read_token(KEYS, purpose, made, NOW) == (number, version, at)
    assert re.fullmatch(r"[A-Za-z0-9_-]{40}", made)
    assert made == make_token(KEYS, purpose, number, at, version)


@given(delivery=NUMBERS, count=st.integers(0, 60), at=TIMES)
def test_pick_tokens_equal_the_token_of_each_place(delivery: int, count: int, at: datetime) -> None:
    made = make_pick_tokens(KEYS, delivery, count, at)
    assert made == [make_token(KEYS, Purpose.FEEDBACK, delivery, at, place) for place in range(1, count + 1)]
    assert len({*made}) == count


@pytest.mark.parametrize("place", [0, PLACE_MAX + 1])
def test_token_refuses_an_impossible_place(place: int) -> None:
    with pytest.raises(BadToken):
        make_token(KEYS, Purpose.FEEDBACK, 7, NOW, place)
    head = KEYS.id + (7).to_bytes(6, "big") + place.to_bytes(4, "big") + bytes(4)
    with pytest.raises(BadToken):
        read_token(KEYS, Purpose.FEEDBACK, base64.urlsafe_b64encode(head + bytes(15)).decode(), NOW)


@pytest.mark.parametrize("purpose", Purpose)
def test_token_is_valid_for_its_purpose_only(purpose: Purpose) -> None:
    made = make_token(KEYS, purpose, 7, NOW, 1)
    assert read_token(KEYS, purpose, made, NOW) == (7, 1, NOW)
    for other in set(Purpose) - {purpose}:
        with pytest.raises(BadToken):
            read_token(KEYS, other, made, NOW)


BEFORE, AFTER = RETIRED - timedelta(seconds=1), RETIRED + timedelta(seconds=1)
IN_GRACE, LATE = RETIRED + GRACE - timedelta(seconds=1), RETIRED + GRACE
KEY_CASES = {
    "current key": (KEYS, BEFORE, LATE, True, True),
    "retired, issued before": (LATER, BEFORE, IN_GRACE, True, True),
    "retired, issued at that moment": (LATER, RETIRED, AFTER, True, False),
    "retired, issued after": (LATER, AFTER, AFTER, True, False),
    "retired, after the grace period": (LATER, BEFORE, LATE, True, False),
    "revoked, issued before": (REVOKED, BEFORE, AFTER, True, False),
    "revoked, issued after": (REVOKED, AFTER, AFTER, True, False),
    "no longer known": (OTHER, BEFORE, AFTER, False, False),
}
"""Keys, time of issue, time of reading, and if the token is accepted: to unsubscribe, for other purposes."""


@pytest.mark.parametrize("cell", KEY_CASES)
@pytest.mark.parametrize("purpose", [Purpose.UNSUBSCRIBE, Purpose.VIEW, Purpose.FEEDBACK])
def test_retired_key_is_accepted_until_its_grace_ends(purpose: Purpose, cell: str) -> None:
    keys, issue, now, for_leaving, for_others = KEY_CASES[cell]
    made = make_token(KEYS, purpose, 7, issue, 1)
    if for_leaving if purpose is Purpose.UNSUBSCRIBE else for_others:
        assert read_token(keys, purpose, made, now) == (7, 1, issue)
    else:
        with pytest.raises(BadToken) as refusal:
            read_token(keys, purpose, made, now)
        assert isinstance(refusal.value, OutdatedToken) == (keys is not OTHER)


def test_retired_key_signs_no_tokens() -> None:
    made = make_token(LATER, Purpose.VIEW, 7, NOW, 1)
    assert made == make_token(OTHER, Purpose.VIEW, 7, NOW, 1) != make_token(KEYS, Purpose.VIEW, 7, NOW, 1)


@pytest.mark.parametrize("keys", [LATER, REVOKED])
def test_envelope_from_of_a_retired_key_never_expires(keys: Keys) -> None:
    assert read_envelope_from(keys, make_envelope_from(KEYS, 5, 2, "bounce@example.org")) == (5, 2)
    with pytest.raises(BadToken):
        read_envelope_from(OTHER, make_envelope_from(KEYS, 5, 2, "bounce@example.org"))


def test_retired_keys_expire_separately() -> None:
    newest = Keys(bytes(range(2, 34)), (RetiredSecret(OTHER.secret, RETIRED + GRACE), *LATER.retired))
    now = RETIRED + GRACE + timedelta(days=1)
    assert read_token(newest, Purpose.VIEW, make_token(OTHER, Purpose.VIEW, 7, AFTER), now).number == 7
    for keys, at in ((KEYS, BEFORE), (KEYS, AFTER), (OTHER, now)):
        with pytest.raises(OutdatedToken):
            read_token(newest, Purpose.VIEW, make_token(keys, Purpose.VIEW, 7, at), now)


def test_rotation_keeps_address_keys_and_return_paths() -> None:
    latest = Keys(bytes(range(2, 34)), (RetiredSecret(OTHER.secret, LATE), *LATER.retired))
    assert address_key(latest, "ada@example.org") == address_key(KEYS, "ada@example.org")
    assert read_envelope_from(latest, make_envelope_from(KEYS, 5, 2, "bounce@example.org")) == (5, 2)


@given(data=st.data(), purpose=st.sampled_from(Purpose), number=NUMBERS, at=TIMES)
def test_command_address_is_case_insensitive(data: st.DataObject, purpose: Purpose, number: int, at: datetime) -> None:
    made = make_token(KEYS, purpose, number, at, data.draw(version_of(purpose)))
    address = make_command_address("unsubscribe", made, "example.org")
    assert address == address.lower()
    assert len(address.partition("@")[0]) <= 64
    for seen in (address, address.upper(), address.partition("@")[0]):
        assert read_command_address(seen) == ("unsubscribe", made)


@pytest.mark.parametrize(
    "address", ["", "unsubscribe@example.org", "unsubscribe+x@example.org", "bounce+1.1.abc@x.org"]
)
def test_command_address_refuses_other_addresses(address: str) -> None:
    with pytest.raises(BadToken):
        read_command_address(address)


def test_keys_repr_hides_the_secret() -> None:
    assert "secret" not in repr(KEYS)
    assert repr(KEYS.secret)[2:10] not in repr(KEYS)
    assert repr(KEYS.secret)[2:10] not in repr(LATER)


def test_keys_refuse_a_short_secret() -> None:
    with pytest.raises(BadSetting, match="32 bytes"):
        Keys(b"x" * 31)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  ada@example.org\n", "ada@example.org"),
        ("Ada.Lovelace+papers@EXAMPLE.Org", "Ada.Lovelace+papers@example.org"),
        ("ada@bücher.example.com", "ada@xn--bcher-kva.example.com"),
        ("ada@bu\u0308cher.example.com", "ada@xn--bcher-kva.example.com"),
        ("o'brien@example.net", "o'brien@example.net"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_canonical_address_returns_one_form(typed: str, stored: str) -> None:
    assert canonical_address(typed) == stored
    assert canonical_address(stored) == stored


@pytest.mark.parametrize(
    "typed",
    [
        *("", "ada", "@example.org", "ada@", "ada@example", "ada@@example.org", "ada@example..org", "ada@-x.org"),
        *('"ada b"@example.org', "ada@[127.0.0.1]", "ada(comment)@example.org", "Ada <ada@example.org>"),
        *(
            "ada@example.org>\r\nRCPT TO:<eve@example.net",
            "ada@example.org\r\nBcc: eve@example.net",
            "a\x00@example.org",
        ),
        *("ada@example.org, eve@example.net", ".ada@example.org", "ada.@example.org", "a..b@example.org"),
        *("a" * 65 + "@example.com", "ada@" + "a" * 64 + ".org", "ada@" + "a.b" * 90 + ".org", "a b@example.org"),
        *("jürgen@example.org", "ada@localhost", "ada@exam ple.org", "ada@example.org\u202e", "=?utf-8?q?a?=@b@c.org"),
    ],
)
def test_canonical_address_refuses_invalid_with_remedy(typed: str) -> None:
    with pytest.raises(BadRecord) as refusal:
        canonical_address(typed)
    assert refusal.value.field == "email"
    assert any(remedy in refusal.value.message for remedy in ("as in name@example.org", "correct it", "yet"))
    assert "\n" not in refusal.value.message


@given(st.text(max_size=300))
def test_canonical_address_accepts_or_refuses_any_text(typed: str) -> None:
    try:
        address = canonical_address(typed)
    except BadRecord:
        return
    assert address.isascii()
    assert canonical_address(address) == address


def test_address_key_ignores_case_but_not_tags() -> None:
    assert address_key(KEYS, "Ada@Example.org") == address_key(KEYS, "ada@example.org")
    assert address_key(KEYS, "ada+a@example.org") != address_key(KEYS, "ada@example.org")
    assert address_key(KEYS, "a.da@example.org") != address_key(KEYS, "ada@example.org")
    assert address_key(KEYS, "ada@example.org") != address_key(OTHER, "ada@example.org")
    assert len(address_key(KEYS, "ada@example.org")) == 32


def test_message_id_is_stable_across_attempts() -> None:
    name = make_message_id(KEYS, 7, "digest", "2026-11-24", "papers.example.org")
    assert name == make_message_id(KEYS, 7, "digest", "2026-11-24", "papers.example.org")
    assert re.fullmatch(r"<digest\.2026-11-24\.[a-z2-7]{24}@papers\.example\.org>", name)
    others = {
        make_message_id(KEYS, subscriber, kind, period, "papers.example.org")
        for subscriber in range(50)
        for kind in ("digest", "confirm")
        for period in ("2026-11-24", "2026-W48", "v1")
    }
    assert len(others) == 300


@pytest.mark.parametrize("period", ["", "a b", "a>\r\nBcc: x", "a" * 41, "é"])
def test_message_id_refuses_an_invalid_period(period: str) -> None:
    with pytest.raises(BadInput):
        make_message_id(KEYS, 7, "digest", period, "papers.example.org")


@given(delivery=st.integers(0, 10**15 - 1), attempt=st.integers(0, 9_999_999))
def test_envelope_from_names_delivery_and_attempt(delivery: int, attempt: int) -> None:
    path = make_envelope_from(KEYS, delivery, attempt, "bounce@papers.example.org")
    assert len(path.partition("@")[0]) <= 64
    assert canonical_address(path) == path
    assert read_envelope_from(KEYS, path) == (delivery, attempt)
    assert read_envelope_from(KEYS, path.upper()) == (delivery, attempt)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "bounce@papers.example.org",
        "bounce+7.1@papers.example.org",
        make_envelope_from(KEYS, 7, 1, "b@example.org").replace("7.1.", "8.1."),
        make_envelope_from(KEYS, 7, 1, "b@example.org").replace("7.1.", "7.2."),
        make_envelope_from(KEYS, 7, 1, "b@example.org").replace("7.1.", "07.1."),
        make_envelope_from(KEYS, 7, 1, "b@example.org").replace("7.1.", "٧.1."),
        make_envelope_from(OTHER, 7, 1, "b@example.org"),
        "b+7.1." + "a" * 24 + "@example.org",
        "+" * 10_000,
    ],
)
def test_envelope_from_refuses_forgeries(path: str) -> None:
    with pytest.raises(BadToken):
        read_envelope_from(KEYS, path)


def test_urls_start_with_the_public_url() -> None:
    for public in ("https://papers.example.org", "https://papers.example.org/"):
        urls = Urls(public)
        assert urls.home == urls.subscribe == "https://papers.example.org/"
        assert urls.confirm("T_-1") == "https://papers.example.org/confirm/T_-1"
        assert urls.unsubscribe("T") == "https://papers.example.org/u/T"
        assert urls.view("T") == "https://papers.example.org/d/T"
        assert urls.manage == "https://papers.example.org/settings"
    assert Urls("https://example.org/papers/").view("T") == "https://example.org/papers/d/T"
