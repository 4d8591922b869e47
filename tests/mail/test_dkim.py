"""Test DKIM signatures with three other implementations.

OpenDKIM supports RSA only.
"""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from digestd.errors import BadSetting
from digestd.mail.dkim import Signer, create_signer, dns_record
from tests.support.postfix import tool

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

LIST_HEADERS = (b"List-Unsubscribe", b"List-Unsubscribe-Post")
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


def test_mail_dkim_detects_changes(tmp_path: Path, key: bytes) -> None:
    perl = [tool("perl", "perl"), "-I", ".", "-e"]
    if subprocess.run([*perl, "use Mail::DKIM::Verifier; use Crypt::PK::Ed25519"], capture_output=True).returncode:
        pytest.skip("Mail::DKIM is not installed here (Debian: libmail-dkim-perl)")
    signed = make_signer(key).sign(MESSAGE, AT)
    files = []
    for number, (was, now) in enumerate([(b"", b""), *CHANGES]):
        files.append(tmp_path / f"{number}.eml")
        files[-1].write_bytes(signed.replace(was, now, 1))
    done = subprocess.run([*perl, _MAIL_DKIM, dns_record(key), *files], capture_output=True, text=True, check=True)
    first, *others = done.stdout.splitlines()
    assert first == "pass"
    assert len(others) == len(CHANGES)
    assert {word.partition(" ")[0] for word in others} == {"fail"}


_MAIL_DKIM = """
use strict; use warnings; use Mail::DKIM::Verifier; use Mail::DKIM::DNS; use Net::DNS;
package Fixed; sub new { bless {}, shift } sub errorstring { "NOERROR" }
sub send {
    my (undef, $name, $type) = @_;
    my $packet = Net::DNS::Packet->new($name, $type);
    $packet->header->rcode("NOERROR");
    my @pieces = unpack("(A255)*", $main::said);
    $packet->push(answer => Net::DNS::RR->new(name => $name, type => "TXT", txtdata => \\@pieces));
    return $packet;
}
package main; our $said = shift @ARGV; Mail::DKIM::DNS::resolver(Fixed->new);
for my $file (@ARGV) {
    open(my $mail, "<:raw", $file) or die $!;
    my $verifier = Mail::DKIM::Verifier->new; $verifier->load($mail);
    print $verifier->result_detail, "\n";
}
"""
"""What Mail::DKIM says of each file, the key's record its only DNS."""


def test_opendkim_detects_changes(tmp_path: Path) -> None:
    (tmp_path / "dns").write_text(f"s2026._domainkey.example.org {dns_record(RSA)}\n")
    (tmp_path / "conf").write_text(f"Mode v\nTestDNSData {tmp_path / 'dns'}\nSyslog no\n")
    signed = make_signer(RSA).sign(MESSAGE, AT)
    more = {name: b"\r\n" + name + b": <https://evil.example.com>\r\nMIME-Version" for name in LIST_HEADERS}
    tried = {
        "signed": (signed, True),
        "changed": (signed.replace(b"a line", b"no line"), False),
        **{
            f"more {name.decode()}": (signed.replace(b"\r\nMIME-Version", added, 1), False)
            for name, added in more.items()
        },
    }
    for name, (message, good) in tried.items():
        (tmp_path / name).write_bytes(message)
        command = [tool("opendkim", "opendkim"), "-x", str(tmp_path / "conf"), "-t", str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (") succeeded" in done.stdout + done.stderr) == good, done.stdout + done.stderr


def test_signature_is_deterministic(key: bytes) -> None:
    assert make_signer(key).sign(MESSAGE, AT) == make_signer(key).sign(MESSAGE, AT)


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
