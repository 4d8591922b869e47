"""Test DKIM signatures with dkimpy. SpamAssassin and Rspamd verify them too (test_spam_filters.py)."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from digestd.errors import BadSetting
from digestd.mail.dkim import Signer, create_signer, dns_record

AT = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
MESSAGE = (
    b"From: Paper Digest <digest@example.org>\r\nTo: ada@example.net\r\nReply-To: help@example.org\r\n"
    b"Subject: =?utf-8?q?Se=C3=A9n?=\r\n =?utf-8?q?_again?=\r\nDate: Tue, 24 Nov 2026 07:00:00 +0000\r\n"
    b"Message-ID: <x@example.org>\r\n"
    b"List-Unsubscribe: <https://digest.example.org/u/abc>,\r\n <mailto:help@example.org>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFeedback-ID: 2026-11-24:en:digest:digestd\r\n"
    b"CFBL-Address: complaints@example.org; report=arf\r\nCFBL-Feedback-ID: 17:0:mac\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
    b"\r\nTwo  blanks, a\ttab, \r\nand a line.\r\n\r\n\r\n"
)

Key = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def pem(key: Key | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


RSA = pem(rsa.generate_private_key(65_537, 2_048))
ED25519 = pem(ed25519.Ed25519PrivateKey.generate())


@pytest.fixture(params=[RSA, ED25519], ids=["rsa", "ed25519"])
def key(request: pytest.FixtureRequest) -> bytes:
    return bytes(request.param)


def make_signer(key: bytes) -> Signer:
    return create_signer("example.org", "s2026", key)


def verified(message: bytes, key: bytes) -> bool:
    """Return True if dkimpy accepts the signature."""
    dkim = pytest.importorskip("dkim", reason="dkimpy is not installed here; tests/run installs it")
    return bool(dkim.verify(message, dnsfunc=lambda *_asked, **_how: dns_record(key).encode()))


def test_dkimpy_accepts_the_signature(key: bytes) -> None:
    assert verified(make_signer(key).sign(MESSAGE, AT), key)
    assert b"\r\n." not in make_signer(key).sign(MESSAGE, AT)


CHANGES = [
    (b"and a line", b"and another"),
    (b"ada@example.net", b"eve@example.net"),
    (b"/u/abc", b"/u/abd"),
    (b"en:digest", b"de:digest"),
    (b"complaints@", b"others@"),
    (b"17:0", b"18:0"),
    (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click"),
    (b"From: Paper", b"From: Eve <eve@example.com>\r\nFrom: Paper"),
    (b"\r\nList-Unsubscribe-Post:", b"\r\nList-Unsubscribe: <https://evil.example.com>\r\nList-Unsubscribe-Post:"),
    (b"\r\nDate:", b"\r\nSubject: Another\r\nDate:"),
]


@pytest.mark.parametrize(("was", "now"), CHANGES)
def test_dkimpy_rejects_changed_or_added_headers(key: bytes, was: bytes, now: bytes) -> None:
    signed = make_signer(key).sign(MESSAGE, AT)
    assert was in signed
    assert not verified(signed.replace(was, now, 1), key)


def test_dkimpy_accepts_headers_that_a_relay_adds(key: bytes) -> None:
    signed = make_signer(key).sign(MESSAGE, AT)
    assert verified(b"Feedback-ID: 1.eu-west-1.x:AmazonSES\r\n" + signed, key)


def test_signature_lines_are_short(key: bytes) -> None:
    signed = make_signer(key).sign(MESSAGE, AT)
    assert signed.endswith(MESSAGE)
    assert all(len(line) <= 130 for line in signed.removesuffix(MESSAGE).split(b"\r\n"))


@given(body=st.text(alphabet=" \tab\r\n", max_size=60))
def test_signature_of_any_body_verifies(body: str) -> None:
    lines = "\r\n".join([*body.replace("\r", "").split("\n"), ""])
    message = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + lines.encode()
    assert verified(make_signer(ED25519).sign(message, AT), ED25519)


@pytest.mark.parametrize(
    ("domain", "selector", "key", "said"),
    [
        ("example.org", "s2026", b"no key", "DIGESTD_DKIM_KEY_FILE: not a PEM private key"),
        ("example.org", "s2026", pem(rsa.generate_private_key(65_537, 1_024)), "1024 bits"),
        ("example.org", "s2026", pem(ec.generate_private_key(ec.SECP256R1())), "RSA or Ed25519"),
        ("exa mple", "s2026", ED25519, "DIGESTD_DKIM_DOMAIN"),
        ("example.org", "", ED25519, "DIGESTD_DKIM_SELECTOR"),
    ],
)
def test_invalid_signer_setting_is_rejected_by_name(domain: str, selector: str, key: bytes, said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        create_signer(domain, selector, key)
