"""What is sealed opens for its owner alone, by the secret in use or a retired one, and tells nothing otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.security.encryption import DecryptionError, decrypt, encrypt, is_encrypted_by_current
from digestd.security.links import Keys, RetiredSecret
from tests.conftest import NOW

FIRST, SECOND, THIRD = (bytes([n]) * 32 for n in (1, 2, 3))
KEYS = Keys(FIRST)
ROTATED = Keys(THIRD, (RetiredSecret(SECOND, NOW), RetiredSecret(FIRST, NOW, revoked=True)))


def test_what_is_sealed_opens_again_and_never_looks_the_same() -> None:
    sealed = [encrypt(KEYS, "library", "7", "hush") for _ in range(50)]
    assert {decrypt(KEYS, "library", "7", one) for one in sealed} == {"hush"}
    assert len({*sealed}) == 50
    assert not any(b"hush" in one for one in sealed)


def test_after_rotations_it_opens_and_is_known_to_be_by_a_retired_secret() -> None:
    sealed = encrypt(KEYS, "library", "7", "hush")
    assert decrypt(ROTATED, "library", "7", sealed) == "hush"
    assert not is_encrypted_by_current(ROTATED, sealed)
    assert is_encrypted_by_current(ROTATED, encrypt(ROTATED, "library", "7", "hush"))
    with pytest.raises(DecryptionError):
        decrypt(Keys(THIRD, ROTATED.retired[:1]), "library", "7", sealed)
    with pytest.raises(DecryptionError):
        decrypt(KEYS, "library", "7", encrypt(ROTATED, "library", "7", "hush"))


@pytest.mark.parametrize(("use", "owner"), [("library", "8"), ("library", "77"), ("other", "7"), ("library:7", "")])
def test_it_opens_for_nobody_and_nothing_else(use: str, owner: str) -> None:
    with pytest.raises(DecryptionError):
        decrypt(KEYS, use, owner, encrypt(KEYS, "library", "7", "hush"))


@given(st.data())
def test_changed_in_any_bit_or_cut_it_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(encrypt(KEYS, "library", "7", "hush"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    for changed in (bytes(sealed), bytes(sealed[:at])):
        with pytest.raises(DecryptionError):
            decrypt(KEYS, "library", "7", changed)
