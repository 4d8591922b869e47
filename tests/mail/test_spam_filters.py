"""Test every kind of mail with SpamAssassin and Rspamd, signed with DKIM and sent from where SPF and DMARC allow it.

The filters ask a name server with invented records, so nothing leaves this machine.
"""

import contextlib
import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from digestd.mail.dkim import create_signer, dns_record
from tests.mail.mail_samples import sample_mails
from tests.support.dns import name_server
from tests.support.postfix import tool
from tests.support.postgres import free_port

pytestmark = pytest.mark.slow

DOMAIN, SELECTOR = "papers.example.org", "s2026"
SERVER, ADDRESS = f"mail.{DOMAIN}", "2001:db8::10"
RETURN_PATH = f"bounce+1.1.abcdefgh234567abcdefgh23@{DOMAIN}"
KEY = rsa.generate_private_key(65_537, 2_048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
AT = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
SPAMASSASSIN_ACCEPTED = {
    "HTML_MESSAGE": 0.001,  # every mail with an HTML part
    "DKIM_SIGNED": 0.1,  # outweighed by DKIM_VALID and DKIM_VALID_AU
    "DMARC_MISSING": 0.001,  # Mail::DMARC, where installed, asks another name server than ours
}
RSPAMD_ACCEPTED = {
    "DATE_IN_PAST": 1.0,  # the sample mails have a fixed date
    "FORGED_SENDER": 0.3,  # each attempt has its own return path, so that a bounce proves which mail it is about
    "MANY_INVISIBLE_PARTS": 0.05,  # one part: the preheader, which mailboxes show after the subject
}
"""The highest score that each rule may have."""
UP_SECONDS = 120


@dataclass(frozen=True)
class Judgement:
    """The score of a mail, and the score of each rule that matched."""

    score: float
    rules: Mapping[str, float]

    def complaints(self, accepted: Mapping[str, float]) -> list[str]:
        """Return the rules that count against the mail more than accepted."""
        return [name for name, score in self.rules.items() if score > accepted.get(name, 0)]


Judgements = Mapping[str, Judgement]


@pytest.fixture(scope="module")
def mails() -> Mapping[str, bytes]:
    """Return every kind of mail by name, signed, but none whose papers are an attack."""
    signer = create_signer(DOMAIN, SELECTOR, KEY)
    return {mail.name: signer.sign(mail.message, AT) for mail in sample_mails() if mail.name != "digest-hostile"}


@pytest.fixture(scope="module")
def dns_port() -> Iterator[int]:
    """Serve the records that deploy/docs/mail.md asks for."""
    reverse = "".join(f"{digit}." for digit in reversed("20010db8" + "10".rjust(24, "0")))
    key = dns_record(KEY)
    records = {
        (DOMAIN, "TXT"): f'"v=spf1 ip6:{ADDRESS} -all"',
        (DOMAIN, "MX"): f"10 {SERVER}.",
        (SERVER, "TXT"): f'"v=spf1 ip6:{ADDRESS} -all"',
        (SERVER, "AAAA"): ADDRESS,
        (f"{reverse}ip6.arpa", "PTR"): f"{SERVER}.",
        (f"{SELECTOR}._domainkey.{DOMAIN}", "TXT"): f'"{key[:200]}" "{key[200:]}"',
        (f"_dmarc.{DOMAIN}", "TXT"): '"v=DMARC1; p=reject"',
    }
    with name_server(records) as port:
        yield port


@pytest.fixture(scope="module")
def by_spamassassin(
    mails: Mapping[str, bytes], dns_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Judgement]:
    """Return what SpamAssassin says of each mail."""
    home = tmp_path_factory.mktemp("spamassassin")
    preferences = home / "preferences.cf"
    preferences.write_text(_SPAMASSASSIN.format(dns_port=dns_port))
    mailbox = b"".join(_as_received(name, message) for name, message in mails.items())
    command = [tool("spamassassin", "spamassassin"), "--mbox", "-p", str(preferences)]
    done = subprocess.run(command, input=mailbox, capture_output=True, check=True, env={"HOME": str(home)})
    found = {}
    for mail in re.split(rb"(?m)^From bounce\+", done.stdout)[1:]:
        head = re.sub(r"\n\s+", " ", mail.partition(b"\n\n")[0].decode())
        (name,) = re.findall(r"^X-Name: (.*)$", head, re.MULTILINE)
        ((score, rules),) = re.findall(r"^X-Spam-Status: (\S+) (.*)$", head, re.MULTILINE)
        scores = dict(rule.split("=") for rule in rules.replace(" ", "").split(","))
        found[name] = Judgement(float(score), {rule: float(value) for rule, value in scores.items()})
    assert found.keys() == mails.keys()
    return found


_SPAMASSASSIN = """
required_score 0.01
report_safe 0
use_bayes 0
use_auto_welcomelist 0
skip_rbl_checks 1
skip_uribl_checks 1
dns_available yes
dns_server 127.0.0.1:{dns_port}
clear_trusted_networks
trusted_networks 203.0.113.25
always_trust_envelope_sender 1
clear_headers
add_header all Status "_SCORE_ _TESTSSCORES(,)_"
"""


def _as_received(name: str, message: bytes) -> bytes:
    """Return a mail as a mail server stores it in a mailbox."""
    trace = (
        f"Return-Path: <{RETURN_PATH}>\nReceived: from {SERVER} ({SERVER} [IPv6:{ADDRESS}])\n"
        f"\tby mx.example.com (Postfix) with ESMTPS id 4F1\n\tfor <ada@example.com>; {AT:%a, %d %b %Y %T} +0000 (UTC)\n"
    )
    head = f"From {RETURN_PATH} {AT:%a %b %d %T %Y}\nX-Name: {name}\n{trace}".encode()
    return head + message.replace(b"\r\n", b"\n") + b"\n"


@pytest.fixture(scope="module")
def by_rspamd(mails: Mapping[str, bytes], dns_port: int, tmp_path_factory: pytest.TempPathFactory) -> Judgements:
    """Return what Rspamd says of each mail."""
    with _rspamd(tmp_path_factory.mktemp("rspamd"), dns_port) as url:
        return {name: _judged_by_rspamd(url, message) for name, message in mails.items()}


def _judged_by_rspamd(url: str, message: bytes) -> Judgement:
    headers = {"IP": ADDRESS, "Helo": SERVER, "Hostname": SERVER, "From": RETURN_PATH, "Rcpt": "ada@example.com"}
    request = urllib.request.Request(f"{url}/checkv2", data=message, headers=headers)
    with urllib.request.urlopen(request, timeout=UP_SECONDS) as answer:
        said = json.load(answer)
    return Judgement(said["score"], {name: symbol["score"] for name, symbol in said["symbols"].items()})


@contextlib.contextmanager
def _rspamd(folder: Path, dns_port: int) -> Iterator[str]:
    """Run Rspamd with its own rules, but without what asks servers elsewhere or keeps a memory."""
    program, url = tool("rspamd", "rspamd"), f"127.0.0.1:{free_port()}"
    local = folder / "local.d"
    local.mkdir()
    for module in _RSPAMD_OFF:
        (local / f"{module}.conf").write_text("enabled = false;\n")
    (local / "options.inc").write_text(f'dns {{ nameserver = ["127.0.0.1:{dns_port}"]; }}\n')
    (folder / "rspamd.conf").write_text(_RSPAMD.format(folder=folder, bind=url))
    paths = [f"--var={name}={folder}" for name in ("LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR")]
    with (folder / "output").open("wb") as output:
        command = [program, "--no-fork", "--insecure", "--config", str(folder / "rspamd.conf"), *paths]
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            _wait_until_up(process, f"http://{url}/ping", folder / "output")
            yield f"http://{url}"
        finally:
            process.terminate()
            process.wait()


def _wait_until_up(process: "subprocess.Popen[bytes]", url: str, output: Path) -> None:
    for _ in range(10 * UP_SECONDS):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        assert process.poll() is None, output.read_text(errors="replace")
        time.sleep(0.1)
    pytest.fail("Rspamd does not answer")


_RSPAMD_OFF = (
    *("fuzzy_check", "rbl", "asn", "greylist", "ratelimit", "antivirus", "neural", "bayes_expiry", "replies"),
    *("history_redis", "url_redirector", "rspamd_update", "dkim_signing", "arc", "reputation", "known_senders"),
    *("mx_check", "phishing"),
)
_RSPAMD = """
.include "$CONFDIR/common.conf"
options {{
    .include "$CONFDIR/options.inc"
    .include(try=true; priority=1,duplicate=merge) "$LOCAL_CONFDIR/local.d/options.inc"
    pidfile = "{folder}/pid";
    tempdir = "{folder}";
    disable_hyperscan = true;
    control_socket = "{folder}/control.sock mode=0600";
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "error"; }}
worker "normal" {{ bind_socket = "{bind}"; count = 1; .include "$CONFDIR/worker-normal.inc" }}
"""


def test_spamassassin_scores_no_mail_above_0(by_spamassassin: Judgements) -> None:
    assert {name: judged for name, judged in by_spamassassin.items() if judged.score > 0} == {}
    for judged in by_spamassassin.values():
        assert judged.rules.keys() >= {"DKIM_VALID_AU", "DKIM_VALID_EF"}


def test_spamassassin_finds_no_fault_of_ours(by_spamassassin: Judgements) -> None:
    assert _complaints(by_spamassassin, SPAMASSASSIN_ACCEPTED) == {}


def test_rspamd_accepts_spf_dkim_and_dmarc(by_rspamd: Judgements) -> None:
    for name, judged in by_rspamd.items():
        assert judged.rules.keys() >= {"R_SPF_ALLOW", "R_DKIM_ALLOW", "DMARC_POLICY_ALLOW", "MIME_GOOD"}, name


def test_rspamd_finds_no_fault_of_ours(by_rspamd: Judgements) -> None:
    assert _complaints(by_rspamd, RSPAMD_ACCEPTED) == {}


def test_rspamd_takes_digests_for_list_mail(by_rspamd: Judgements) -> None:
    for name, judged in by_rspamd.items():
        assert ("MAILLIST" in judged.rules) == name.startswith("digest-"), name


def _complaints(judgements: Judgements, accepted: Mapping[str, float]) -> dict[str, list[str]]:
    """Return the rules that count against mails, and which mails."""
    found: dict[str, list[str]] = {}
    for name, judged in judgements.items():
        for rule in judged.complaints(accepted):
            found.setdefault(rule, []).append(name)
    return found
