"""Encryption at rest: only the owner's context and a known secret decrypt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.security.encryption import Unopenable, is_by_current, seal, unseal
from digestd.security.links import Keys, Retired
from tests.conftest import NOW

FIRST, SECOND, THIRD = (bytes([n]) * 32 for n in (1, 2, 3))
KEYS = Keys(FIRST)
ROTATED = Keys(THIRD, (Retired(SECOND, NOW), Retired(FIRST, NOW, revoked=True)))


def test_seal_round_trips_with_a_fresh_nonce() -> None:
    sealed = [seal(KEYS, "library", "7", "hush") for _ in range(50)]
    assert {unseal(KEYS, "library", "7", one) for one in sealed} == {"hush"}
    assert len({*sealed}) == 50
    assert not any(b"hush" in one for one in sealed)


def test_unseal_after_rotation_reports_the_retired_key() -> None:
    sealed = seal(KEYS, "library", "7", "hush")
    assert unseal(ROTATED, "library", "7", sealed) == "hush"
    assert not is_by_current(ROTATED, sealed)
    assert is_by_current(ROTATED, seal(ROTATED, "library", "7", "hush"))
    with pytest.raises(Unopenable):
        unseal(Keys(THIRD, ROTATED.retired[:1]), "library", "7", sealed)
    with pytest.raises(Unopenable):
        unseal(KEYS, "library", "7", seal(ROTATED, "library", "7", "hush"))


@pytest.mark.parametrize(("use", "owner"), [("library", "8"), ("library", "77"), ("other", "7"), ("library:7", "")])
def test_unseal_refuses_another_secret_or_context(use: str, owner: str) -> None:
    with pytest.raises(Unopenable):
        unseal(KEYS, use, owner, seal(KEYS, "library", "7", "hush"))


@given(st.data())
def test_unseal_refuses_changed_or_truncated_bytes(data: st.DataObject) -> None:
    sealed = bytearray(seal(KEYS, "library", "7", "hush"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    for changed in (bytes(sealed), bytes(sealed[:at])):
        with pytest.raises(Unopenable):
            unseal(KEYS, "library", "7", changed)
