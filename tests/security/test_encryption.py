"""Encryption at rest: only the owner's context and a known secret decrypt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.security.encryption import DecryptionError, decrypt, encrypt, is_encrypted_by_current
from digestd.security.keys import Keys, RetiredSecret
from tests.conftest import NOW

FIRST, SECOND, THIRD = (bytes([n]) * 32 for n in (1, 2, 3))
KEYS = Keys(FIRST)
ROTATED = Keys(THIRD, (RetiredSecret(SECOND, NOW), RetiredSecret(FIRST, NOW, revoked=True)))


def test_seal_round_trips_with_a_fresh_nonce() -> None:
    sealed = [encrypt(KEYS, "library", "7", "hush") for _ in range(50)]
    assert {decrypt(KEYS, "library", "7", one) for one in sealed} == {"hush"}
    assert len({*sealed}) == 50
    assert not any(b"hush" in one for one in sealed)


def test_unseal_after_rotation_reports_the_retired_key() -> None:
    sealed = encrypt(KEYS, "library", "7", "hush")
    assert decrypt(ROTATED, "library", "7", sealed) == "hush"
    assert not is_encrypted_by_current(ROTATED, sealed)
    assert is_encrypted_by_current(ROTATED, encrypt(ROTATED, "library", "7", "hush"))
    with pytest.raises(DecryptionError):
        decrypt(Keys(THIRD, ROTATED.retired[:1]), "library", "7", sealed)
    with pytest.raises(DecryptionError):
        decrypt(KEYS, "library", "7", encrypt(ROTATED, "library", "7", "hush"))


@pytest.mark.parametrize(("use", "owner"), [("library", "8"), ("library", "77"), ("other", "7"), ("library:7", "")])
def test_unseal_refuses_another_secret_or_context(use: str, owner: str) -> None:
    with pytest.raises(DecryptionError):
        decrypt(KEYS, use, owner, encrypt(KEYS, "library", "7", "hush"))


@given(st.data())
def test_unseal_refuses_changed_or_truncated_bytes(data: st.DataObject) -> None:
    sealed = bytearray(encrypt(KEYS, "library", "7", "hush"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    for changed in (bytes(sealed), bytes(sealed[:at])):
        with pytest.raises(DecryptionError):
            decrypt(KEYS, "library", "7", changed)
