"""Test the parsing of command mails: own lines, sender, automatic mails."""

from email.message import EmailMessage
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.replies.commands.parsing import parse_commands
from digestd.replies.inbound_mail import parse_inbound_mail
from digestd.replies.parsed_mail import UnreadableMail
from tests.commands.mails import letter, mail
from tests.commands.test_parsing import WORDS

QUOTES = [
    "On Tue, 24 Nov 2026 at 07:00, digestd <digest@example.org> wrote:\n> unsubscribe",
    "On Tue, 24 Nov 2026 at 07:00, digestd\n<digest@example.org> wrote:\n> unsubscribe",
    "Am 24.11.2026 um 07:00 schrieb digestd:\n> unsubscribe",
    "digestd <digest@example.org> 于2026年11月24日周二 07:00写道：\nunsubscribe",
    "发件人: digestd\n发送时间: 2026年11月24日\nunsubscribe",
    "От: digestd\nunsubscribe",
    "-----Original Message-----\nunsubscribe",
    "-----Ursprüngliche Nachricht-----\nabmelden",
    "________________________________\nFrom: digestd\nunsubscribe",
    "Von: digestd\nabmelden",
    "De : digestd\nEnvoyé : mardi 24 novembre 2026 07:00\nunsubscribe",
    "Van: digestd\nVerzonden: dinsdag 24 november 2026 07:00\nunsubscribe",
    "Da: digestd\nInviato: martedì 24 novembre 2026 07:00\nunsubscribe",
    "El mar, 24 nov 2026 a las 07:00, digestd escribió:\n> unsubscribe",
    "> unsubscribe",
    "-- \nunsubscribe",
]


@pytest.mark.parametrize("quote", QUOTES)
def test_lines_exclude_quotes_and_signature(quote: str) -> None:
    assert letter(mail(f"more 3\n\n{quote}\n", "Re: 3 papers")).lines == ("more 3",)


def test_lines_are_read_quickly_whatever_they_are() -> None:
    """Show that the time grows with the length of a line: with its cube this mail took five seconds."""
    text = mail("\n".join([f"{'1' * 250}{'@' * 249}"] * 130))
    began = process_time()
    assert len(letter(text).lines) == 40
    assert process_time() - began < 1


def test_lines_of_html_mail_are_the_visible_text() -> None:
    made = EmailMessage()
    made["From"] = "ada@example.net"
    made.set_content(
        "<html><head><title>x</title><style>p{}</style></head><body><div>more&nbsp;3<br>less 2</div>"
        "<script>pause</script><blockquote>resume</blockquote>"
        '<div class="gmail_quote">unsubscribe</div></body></html>',
        subtype="html",
    )
    assert letter(made.as_bytes()).lines == ("more 3", "less 2")


def test_lone_surrogates_are_replaced() -> None:
    """Show that surrogates in UTF-7 mail cannot get into the database or an export."""
    head = b"From: ada@example.net\nSubject: =?utf-7?Q?add_+2AA-?=\nContent-Type: text/plain; charset=utf-7\n\n"
    found = letter(head + b"add topic +2AA-x\n")
    assert (found.subject, found.lines) == ("add ?", ("add topic ?x",))


def test_lines_prefer_text_to_html_and_attachments() -> None:
    made = EmailMessage()
    made["From"] = "ada@example.net"
    made.set_content("pause 7")
    made.add_alternative("<p>unsubscribe</p>", subtype="html")
    made.add_attachment(b"unsubscribe", maintype="application", subtype="octet-stream")
    assert letter(made.as_bytes()).lines == ("pause 7",)


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "iso-8859-15"])
@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "8bit"])
def test_lines_are_decoded_in_each_charset_and_encoding(charset: str, encoding: str) -> None:
    made = EmailMessage()
    made["From"] = "ada@example.net"
    made["Subject"] = "täglich"
    made.set_content("wörter hinzufügen Größe", charset=charset, cte=encoding)
    found = letter(made.as_bytes())
    assert (found.subject, found.lines) == ("täglich", ("wörter hinzufügen Größe",))


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("ada@example.net", "ada@example.net"),
        ("Ada <ada@example.net>", "ada@example.net"),
        ('"Lovelace, Ada" <ada@example.net>', "ada@example.net"),
        ("ada@example.net, eve@example.net", ""),
        ("Ada <ada@example.net>, Eve <eve@example.net>", ""),
        ("<ada@example.net> <eve@example.net>", ""),
        ("eve@example.net <ada@example.net>", ""),
        ("ada@example.net <ada@example.net>", "ada@example.net"),
        ("Eve, Ada <ada@example.net>", ""),
        ("Ada (Engines) <ada@example.net>", "ada@example.net"),
        ('"ada@example.net" eve@example.net', ""),
        ("Ada", ""),
        ("", ""),
    ],
)
def test_sender_is_one_address_or_empty(value: str, address: str) -> None:
    assert letter(f"From: {value}\n\nhelp\n".encode()).sender == address


def test_sender_is_empty_for_two_from_headers() -> None:
    assert letter(b"From: ada@example.net\nFrom: eve@example.net\n\nhelp\n").sender == ""


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; x=y",
        "Precedence: bulk",
        "Precedence: list",
        "Precedence: junk",
        "List-Id: <a.example.net>",
        "List-Unsubscribe: <mailto:x@example.net>",
        "Return-Path: <>",
        "X-Autoreply: yes",
    ],
)
def test_automatic_mail_is_recognised_by_header(header: str) -> None:
    assert letter(f"{header}\nFrom: ada@example.net\n\nhelp\n".encode()).automatic


@pytest.mark.parametrize(
    "sender",
    ["MAILER-DAEMON@example.net", "postmaster@example.net", "no-reply@example.net", "list-request@example.net"],
)
def test_automatic_mail_is_recognised_by_sender(sender: str) -> None:
    assert letter(mail("help", sender=sender)).automatic


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: no",
        "Precedence: normal",
        "Return-Path: <ada@example.net>",
        "Subject: Re: Automatic answer scoring with trees",
        "Subject: Antw: A challenge-response game for sensors",
        "Subject: =?utf-8?Q?AW=3A_Automatic_reply_to_e-mail?=",
        "Subject: Odp: Out of the office: how people work at home",
        "Subject: Counting trees by automatic answers",
        "Subject: stop, I am on vacation for good",
    ],
)
def test_personal_mail_is_not_automatic(header: str) -> None:
    assert not letter(f"{header}\nFrom: ada@example.net\n\nhelp\n".encode()).automatic


@given(st.binary(max_size=2_000), st.binary(max_size=200))
def test_parse_inbound_mail_bounds_any_bytes(body: bytes, subject: bytes) -> None:
    for raw in (body, b"From: a@example.net\nSubject: " + subject + b"\nContent-Type: text/html\n\n" + body):
        try:
            _, found = parse_inbound_mail(raw)
        except UnreadableMail:
            continue
        assert len(found.lines) <= 40
        assert all(len(line) <= 500 for line in found.lines)
        assert "\n" not in found.subject
        assert len(parse_commands(found, WORDS)) <= 10
