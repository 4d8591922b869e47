"""Test the check of DNS records, and the record to publish where one is wrong."""

import pytest

from digestd.operations.diagnosis import Diagnosis, Level
from digestd.operations.mail_dns import DnsAnswer, Lookup, MailSetup, diagnose, wanted_lookups, zone_line

KEY = "v=DKIM1; k=ed25519; p=MCow"
SETUP = MailSetup(
    sender="example.org",
    bounce="bounces.example.org",
    dkim=("s1._domainkey.example.org", KEY),
    signs_for="example.org",
    relays=("relay.example.net",),
)
GOOD: dict[Lookup, str] = {
    ("example.org", "MX"): "10 mx.example.org.",
    ("bounces.example.org", "MX"): "10 mx.example.org.",
    ("bounces.example.org", "TXT"): "v=spf1 include:_spf.example.net ~all",
    ("_spf.example.net", "TXT"): "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",
    ("s1._domainkey.example.org", "TXT"): KEY,
    ("_dmarc.example.org", "TXT"): "v=DMARC1; p=reject",
    ("relay.example.net", "A"): "192.0.2.7",
}
HERE = MailSetup("example.org", "example.org", SETUP.dkim, "example.org", ehlo="digest.example.org")
PTR = "7.2.0.192.in-addr.arpa"
DIRECT: dict[Lookup, str] = GOOD | {
    ("example.org", "TXT"): "v=spf1 a:digest.example.org mx -all",
    ("digest.example.org", "A"): "192.0.2.7",
    (PTR, "PTR"): "digest.example.org.",
}


def judged(records: dict[Lookup, str | tuple[str, ...]], setup: MailSetup = SETUP) -> list[Diagnosis]:
    """Return the faults; every lookup is answered as it would be asked for."""
    known: dict[Lookup, DnsAnswer] = {}
    while wanted := wanted_lookups(setup, known):
        for one in wanted:
            value = records.get(one, ())
            known[one] = DnsAnswer((value,) if isinstance(value, str) else value)
    return [finding for finding in diagnose(setup, known) if finding.level is not Level.OK]


def test_good_records_have_no_fault() -> None:
    assert judged(dict(GOOD)) == []
    assert judged(dict(DIRECT), HERE) == []


@pytest.mark.parametrize(
    ("name", "value", "level", "said", "remedy"),
    [
        (("bounces.example.org", "MX"), (), Level.ERROR, "no MX record", "bounces.example.org. MX 10 HOST."),
        (("bounces.example.org", "MX"), "0 .", Level.ERROR, "null MX", "MX 10 HOST."),
        (
            ("bounces.example.org", "TXT"),
            "google-site-verification=1",
            Level.ERROR,
            "no SPF record",
            'bounces.example.org. TXT "v=spf1 a:relay.example.net ~all"',
        ),
        (("bounces.example.org", "TXT"), ("v=spf1 -all", "v=spf1 ~all"), Level.ERROR, "2 SPF records", "only one"),
        (("bounces.example.org", "TXT"), "v=spf1 include:gone.example ~all", Level.ERROR, "gone.example", "publish"),
        (
            ("bounces.example.org", "TXT"),
            "v=spf1 " + " ".join(f"a:h{n}.example.net" for n in range(11)) + " -all",
            Level.ERROR,
            "11 lookups",
            "include:",
        ),
        (("bounces.example.org", "TXT"), "v=spf1 ip4:192.0.2.300 -all", Level.ERROR, "not a network", "publish"),
        (("bounces.example.org", "TXT"), "v=spf1 +all", Level.WARNING, "lets everybody send", "~all"),
        (
            ("bounces.example.org", "TXT"),
            "v=spf1 ip4:198.51.100.1 -all",
            Level.WARNING,
            "does not name relay.example.net (192.0.2.7)",
            "a:relay.example.net",
        ),
        (
            ("s1._domainkey.example.org", "TXT"),
            (),
            Level.ERROR,
            "no DKIM key",
            's1._domainkey.example.org. TXT "v=DKIM1; k=ed25519; p=MCow"',
        ),
        (("s1._domainkey.example.org", "TXT"), "v=DKIM1; p=other", Level.ERROR, "another DKIM key", "p=MCow"),
        (("s1._domainkey.example.org", "TXT"), f"{KEY}; t=y", Level.WARNING, "a test", "publish"),
        (
            ("_dmarc.example.org", "TXT"),
            (),
            Level.WARNING,
            "no DMARC record",
            '_dmarc.example.org. TXT "v=DMARC1; p=none; rua=mailto:postmaster@example.org"',
        ),
    ],
)
def test_fault_names_record_to_publish(
    name: Lookup, value: str | tuple[str, ...], level: Level, said: str, remedy: str
) -> None:
    [finding] = judged({**GOOD, name: value})
    assert (finding.level, said in finding.message, remedy in finding.remedy) == (level, True, True), finding


def test_unaligned_mail_fails_a_strict_policy() -> None:
    elsewhere = MailSetup("example.org", "bounces.example.net", SETUP.dkim, "mail.example.com")
    more = {("bounces.example.net", "MX"): "1 mx.example.net.", ("bounces.example.net", "TXT"): "v=spf1 mx -all"}
    [finding] = judged({**GOOD, **more}, elsewhere)
    assert (finding.level, "fails DMARC" in finding.message) == (Level.ERROR, True)
    [finding] = judged({**GOOD, **more, ("_dmarc.example.org", "TXT"): "v=DMARC1; p=none"}, elsewhere)
    assert finding.level is Level.WARNING


def test_policy_of_organisation_counts_for_subdomain() -> None:
    below = MailSetup("news.example.org", "news.example.org", SETUP.dkim, "example.org")
    own = {("news.example.org", "MX"): "1 mx.", ("news.example.org", "TXT"): "v=spf1 mx -all"}
    assert judged({**GOOD, **own}, below) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ((PTR, "PTR"), (), "no PTR record"),
        ((PTR, "PTR"), "other.example.org.", "names other.example.org, which has another address"),
        (("digest.example.org", "A"), (), "digest.example.org has no address"),
    ],
)
def test_host_that_sends_itself_needs_names(name: Lookup, value: str | tuple[str, ...], said: str) -> None:
    [finding] = judged({**DIRECT, name: value}, HERE)
    assert (finding.level, said in finding.message) == (Level.WARNING, True), finding


def test_relay_that_signs_is_to_be_checked_by_hand() -> None:
    [finding] = judged(dict(GOOD), MailSetup("example.org", "bounces.example.org"))
    assert "the relay must" in finding.message


def test_failed_lookup_is_no_missing_record() -> None:
    known: dict[Lookup, DnsAnswer] = {}
    while wanted := wanted_lookups(SETUP, known):
        known |= dict.fromkeys(wanted, DnsAnswer(failed="no answer in time"))
    [finding] = diagnose(SETUP, known)
    assert "lookups failed" in finding.message


def test_long_text_is_split_into_strings() -> None:
    assert zone_line("a.example", "TXT", "x" * 300) == f'a.example. TXT "{"x" * 255}" "{"x" * 45}"'
