"""Test that every parser works when it can open nothing.

No lazy import, encoding or time zone.
"""

import base64
import codecs
from collections.abc import Iterator

import pytest

from digestd.errors import SourceFailed
from digestd.fetching.answer_parser import AnswerParser
from digestd.replies.inbound_mail import parse_inbound_mail as read_mail
from digestd.replies.mail_parser import MailParser as MailReader
from digestd.replies.parsed_mail import UnreadableMail
from digestd.security.confinement import CODECS
from digestd.sources import parse_source
from digestd.sources.imports import FormatDetector, ReferenceFile
from digestd.sources.imports.zotero import ZoteroLibrary
from digestd.sources.source import Page, Parser
from tests.sources.test_contract import CURSORS, reading, samples
from tests.sources.test_imports import SAMPLES

NO_CHARSETS = {"raw_unicode_escape", "idna", "punycode"}
ENCODINGS = [name for name in CODECS if name not in NO_CHARSETS]
WORDS = "Lakes freeze: Zoë Ångström, Жуковский, 冰湖研究, みずうみ, 호수, λίμνη, jezioro łódź, göl ı, אגם, بحيرة"
CUTS = 7


def parsed(parser: Parser, body: bytes, cursor: str | None) -> Page | str:
    try:
        return parser.parse(body, cursor)
    except SourceFailed as error:
        return str(error)


async def parsed_apart(reader: AnswerParser, parser: Parser, body: bytes, cursor: str | None) -> Page | str:
    try:
        return await reader.parse(parser, body, cursor)
    except SourceFailed as error:
        return str(error)


async def test_sources_parse_the_same_when_confined() -> None:
    async with AnswerParser() as reader:
        await reader.parse(FormatDetector(), b"2611.70001", None)  # the sources come after the confinement
        for kind, path in samples():
            source, body, cursor = reading(kind), path.read_bytes(), CURSORS.get(kind)
            for end in (len(body), *range(0, len(body), len(body) // CUTS)):
                expected = parsed(source, body[:end], cursor)
                assert await parsed_apart(reader, source, body[:end], cursor) == expected, (path.name, end)


async def test_imports_parse_the_same_when_confined() -> None:
    async with AnswerParser() as reader:
        await reader.parse(parse_source("hf-daily"), b"[]", None)
        for form, text in SAMPLES.items():
            for body in (text.encode(), text.encode("utf-16"), text.encode()[:-20], text.encode("latin-1", "replace")):
                for parser in (FormatDetector(), ReferenceFile(form), ReferenceFile()):
                    expected = parsed(parser, body, None)
                    assert await parsed_apart(reader, parser, body, None) == expected, (form, parser)


async def test_libraries_parse_the_same_when_confined() -> None:
    library, sample = ZoteroLibrary("https://keeper.example.org", "users/12", 0), SAMPLES["zotero"].encode()
    async with AnswerParser() as reader:  # of its own, as in a run: it loads what its first source needs
        for body in (sample, sample[:-20], b"[]", b"{}"):
            assert await parsed_apart(reader, library, body, None) == parsed(library, body, None)


async def test_feed_encodings_work_when_confined() -> None:
    source = parse_source("feed:https://journal.example.org/lakes.rss")
    async with AnswerParser() as reader:
        await reader.parse(FormatDetector(), b"2611.70001", None)
        for encoding in ENCODINGS:
            feed = (
                f'<?xml version="1.0" encoding="{encoding}"?><rss version="2.0"><channel><title>Lakes</title><item>'
                f"<title>{WORDS}</title><link>https://journal.example.org/1</link>"
                "<pubDate>Fri, 20 Nov 2026 08:00:00 EST</pubDate></item></channel></rss>"
            )
            body = feed.encode(encoding, "ignore")
            assert await parsed_apart(reader, source, body, None) == parsed(source, body, None), encoding


@pytest.fixture
def mails() -> Iterator[MailReader]:
    made = MailReader()
    yield made
    made.close()


def test_mail_encodings_work_when_confined(mails: MailReader) -> None:
    for encoding in ENCODINGS:
        text = codecs.encode(WORDS, encoding, "ignore")
        word = base64.b64encode(text[:40]).decode()
        for transfer, body in (("base64", base64.encodebytes(text)), ("8bit", text), ("quoted-printable", text)):
            raw = (
                f"From: =?{encoding}?b?{word}?= <ada@example.net>\nTo: digest@example.org\n"
                f"Subject: =?{encoding}?b?{word}?= =?{encoding}?q?add=20topic?=\nMessage-ID: <1@example.net>\n"
                f'Content-Type: text/plain; charset="{encoding}"\nContent-Transfer-Encoding: {transfer}\n\n'
            ).encode() + body
            assert apart(mails, raw) == here(raw), (encoding, transfer)


@pytest.mark.parametrize("charset", ["x-unknown", "cp500", "rot13", "unicode_escape", "../../etc/passwd", "\x00"])
def test_unknown_encoding_loses_text_only(mails: MailReader, charset: str) -> None:
    raw = (
        f"From: Ada <ada@example.net>\nSubject: =?{charset}?q?lakes?=\n"
        f'Content-Type: text/plain; charset="{charset}"\n\nadd topic lakes\n'
    ).encode()
    _, letter = mails(raw)
    assert letter.sender == "ada@example.net"


def here(raw: bytes) -> object:
    try:
        return read_mail(raw)
    except UnreadableMail as error:
        return str(error)


def apart(mails: MailReader, raw: bytes) -> object:
    try:
        return mails(raw)
    except UnreadableMail as error:
        return str(error)
