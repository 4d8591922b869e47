"""Test the lint of mails: the golden mails have no fault, and each fault is found."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from digestd.mail.content import Rendered
from digestd.mail.digest import render_digest
from digestd.mail.dkim import Signer, create_signer
from digestd.mail.lint import CLIP_LIMIT, Finding, LintContext, Severity, lint
from digestd.mail.mime import compose_digest, compose_notice
from digestd.mail.templates import Templates
from digestd.resources import templates
from tests import golden

TEMPLATES = Templates.of(templates())
MAILS = sorted(path.stem for path in golden.FOLDER.glob("*.eml"))
HOME = golden.LINKS.home
DIGEST = LintContext(is_digest=True, reports_complaints=True, home=HOME)
HEADERS = golden.digest_headers(Rendered("Seven papers", "", ""))
LINK = golden.LINKS.unsubscribe
TEXT = f"Seven papers\n\nUnsubscribe: {LINK}\n"
HTML = f'<html><head><style></style></head><body><p>Seven papers</p><a href="{LINK}">Unsubscribe</a></body></html>'
KEY = ed25519.Ed25519PrivateKey.generate().private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
AT = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def found(text: str = TEXT, html: str = HTML, context: LintContext = DIGEST) -> list[tuple[str, Severity]]:
    """Return the rules that a digest with these parts breaks."""
    return rules(lint(compose_digest(HEADERS, text, html), context))


def rules(findings: tuple[Finding, ...]) -> list[tuple[str, Severity]]:
    return [(one.rule, one.severity) for one in findings]


def with_html(inside: str) -> str:
    return HTML.replace("<p>", f"{inside}<p>", 1)


@pytest.mark.parametrize("name", MAILS)
def test_golden_mails_have_no_error(name: str) -> None:
    context = replace(DIGEST, is_digest=name in golden.DIGESTS, is_invented=name != "hostile")
    assert lint((golden.FOLDER / f"{name}.eml").read_bytes(), context) == ()


def test_plain_digest_has_no_fault() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("inside", "rule"),
    [
        ("<p>" + "x" * CLIP_LIMIT + "</p>", "size"),
        ('<a href="">x</a>', "links"),
        ('<a href="papers">x</a>', "links"),
        ('<a href="#nowhere">x</a>', "links"),
        (f'<a href="{HOME} x">x</a>', "links"),
        ('<img src="https://example.net/logo.png" alt="">', "remote"),
        ('<table background="//example.net/paper.png"></table>', "remote"),
        ('<link rel="stylesheet" href="https://example.net/x.css">', "remote"),
        ('<p style="background: url( http://example.net/x )">x</p>', "remote"),
        ("<style>@import 'x.css';</style>", "remote"),
        ("<script>1</script>", "active"),
        ("<p>bell \x07</p>", "characters"),
        ("<p>{{ paper.title }}</p>", "remains"),
        ("<p>{% if paper %}</p>", "remains"),
        ("<p>%(count)s papers</p>", "remains"),
        ("<p>Venue: None</p>", "remains"),
        (f'<a href="{HOME}None">x</a>', "remains"),
        ("<p>\ue000view\ue000</p>", "remains"),
    ],
)
def test_html_faults_are_found(inside: str, rule: str) -> None:
    assert found(html=with_html(inside), context=replace(DIGEST, is_invented=True)) == [(rule, Severity.ERROR)]


@pytest.mark.parametrize(
    "inside",
    [
        '<a href="#top">Up</a><h1 id="top">x</h1>',
        '<a href="mailto:a+b@example.org?subject=help">x</a>',
        '<img src="cid:logo" alt="">',
        "<p>from $5 to $10, None of {these}</p>",
        '<a href="http://papers.example.net/1">x</a>',
    ],
)
def test_sound_html_has_no_fault(inside: str) -> None:
    assert found(html=with_html(inside), context=replace(DIGEST, is_invented=True)) == []


@pytest.mark.parametrize(("text", "html"), [(" \n", HTML), (TEXT, "<html><style>x</style></html>")])
def test_empty_part_is_an_error(text: str, html: str) -> None:
    assert ("parts", Severity.ERROR) in found(text, html)


@pytest.mark.parametrize(
    ("text", "html"), [("Seven papers", HTML), (TEXT, HTML.replace("<a ", '<a style="display:none" '))]
)
def test_missing_unsubscribe_link_is_an_error(text: str, html: str) -> None:
    assert found(text, html) == [("unsubscribe", Severity.ERROR)]


def test_digest_without_web_address_unsubscribes_by_mail() -> None:
    mailbox = HEADERS.unsubscribe_mailbox
    headers = replace(HEADERS, unsubscribe_url="", view_url="", home_url="")
    text, html = TEXT.replace(LINK, mailbox), HTML.replace(LINK, f"mailto:{mailbox}")
    assert lint(compose_digest(headers, text, html), replace(DIGEST, home="")) == ()


def test_this_machine_needs_no_tls() -> None:
    for home, faults in (("http://127.0.0.1:8080/", []), ("http://papers.example.org/", [("links", Severity.ERROR)])):
        html = with_html(f'<a href="{home}x">x</a>')
        assert found(html=html, context=replace(DIGEST, home=home)) == faults


def test_remains_of_syntax_are_errors_in_invented_mails_only() -> None:
    text = TEXT + "\nA survey of {{ mustache }} templates and {% if x %}\n"
    assert found(text) == []
    assert found(text, context=replace(DIGEST, is_invented=True)) == [("remains", Severity.ERROR)] * 2


@pytest.mark.parametrize("name", ["To", "Date", "List-Id", "List-Unsubscribe-Post", "Feedback-ID", "CFBL-Address"])
def test_missing_header_is_an_error(name: str) -> None:
    message = re.sub(rb"\r\n%s: [^\r]*" % name.encode(), b"", compose_digest(HEADERS, TEXT, HTML))
    assert rules(lint(message, DIGEST)) == [("headers", Severity.ERROR)]


def test_header_faults_are_found() -> None:
    message = compose_digest(HEADERS, TEXT, HTML)
    assert rules(lint(b"To: eve@example.com\r\n" + message, DIGEST)) == [("headers", Severity.ERROR)]
    assert rules(lint(b"X-Long: " + b"x" * 998 + b"\r\n" + message, DIGEST)) == [("header-length", Severity.ERROR)]
    plain = message.replace(b"multipart/alternative", b"multipart/mixed")
    assert rules(lint(plain, DIGEST)) == [("parts", Severity.ERROR)]


def test_notice_needs_no_list_headers() -> None:
    notice = golden.notice_headers(Rendered("Confirm", "", ""))
    message = compose_notice(notice, "Confirm", "<p>Confirm</p>")
    assert lint(message, replace(DIGEST, is_digest=False)) == ()


@pytest.fixture(scope="module")
def signer() -> Signer:
    return create_signer("example.org", "s2026", KEY)


def test_signature_covers_all_headers(signer: Signer) -> None:
    signed = signer.sign(compose_digest(HEADERS, TEXT, HTML), AT)
    context = replace(DIGEST, is_signed=True)
    assert lint(signed, context) == ()
    assert rules(lint(signed.replace(b"list-unsubscribe-post:", b""), context)) == [("dkim", Severity.ERROR)]
    assert rules(lint(signed.replace(b"v=1;", b"v=1; l=10;"), context)) == [("dkim", Severity.ERROR)]
    assert rules(lint(compose_digest(HEADERS, TEXT, HTML), context)) == [("dkim", Severity.ERROR)]
    other = create_signer("example.net", "s2026", KEY).sign(compose_digest(HEADERS, TEXT, HTML), AT)
    assert rules(lint(other, context)) == [("dkim", Severity.WARNING)]


def test_findings_name_no_token_or_address() -> None:
    rendered = render_digest(TEMPLATES, golden.digest("personal"))
    html = rendered.html.replace("https://papers.example.org", "http://papers.example.org")
    findings = lint(compose_digest(HEADERS, rendered.text.replace("https", "ftp"), html), DIGEST)
    said = " ".join(one.where + one.message for one in findings)
    assert {one.rule for one in findings} == {"unsubscribe"}
    assert not re.search(r"kQAAAA|@", said)
