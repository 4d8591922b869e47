"""Test hostile strings in forms, mails and files, and what is shown of them."""

import json
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from email.policy import default

import pytest

from digestd.domain.delivery import ReplyLine
from digestd.errors import BadRecord, SourceFailed
from digestd.mail.content import ReplyContent
from digestd.mail.mime import compose_notice
from digestd.mail.rendering import render_reply
from digestd.mail.templates import Templates
from digestd.security.addresses import canonical_address
from digestd.sources.imports import IMPORT_FORMATS, ReferenceFile
from digestd.subscribers.subscriber_record import parse, subscriber_fields
from tests import golden
from tests.security.hostile import HOSTILE, STORABLE
from tests.security.parsed_output import Mark, Seen, unruly
from tests.security.stage import PERIOD, Stage

ADA = "ada@example.org"
SENTENCES = (
    *("unsubscribed", "paused", "resumed", "active", "left", "more", "less", "save", "undone", "nothing_to_undo"),
    *(
        "no_paper",
        "added",
        "topic_read",
        "topic_empty",
        "topic_unknown",
        "removed",
        "muted",
        "unmuted",
        "not_there",
        "refused",
        "interests",
        "unclear",
        "prove",
        "leaving",
    ),
)
LINES = ("email", "hour", "timezone", "cadence", "weekday", "size", "min_score", "language", "name")
MANY = ("topics", "phrases", "authors", "categories", "papers", "likes", "mute_topics", "mute_authors")
PLAIN = ["lakes", "test:1", "", "no, really?", "x" * 600, "1", "a\nb\nc", "\n".join(map(str, range(60)))]


def _by_forms(made: Stage, said: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the answers of every form. Eight strings in multi-line fields, one in others."""
    settings = made.backend.settings(f"reader{made.readers[-1]}@example.org")
    mine = made.backend.settings(f"reader{made.readers[0]}@example.org")
    pick = f"{mine}/mute/{PERIOD}/1"
    for n, start in enumerate(range(0, len(said), 8)):
        one, many = said[start], "\n".join(dict.fromkeys(said[start : start + 8]))
        sent = dict.fromkeys(LINES, one) | dict.fromkeys(MANY, many)
        posts = (
            ("front", ("/subscribe", "/preview")[n % 2], sent),
            ("settings", settings, sent),
            ("mute", pick, {"what": "words:", "words": one}),
            (f"form {n % 3}", ("/resend", "/settings", f"{settings}/move")[n % 3], {"email": one}),
        )
        for name, path, fields in posts:
            answer = made.client.post(path, data=fields)
            yield name if answer.status_code in {200, 422} else "problem", answer.text
        made.backend.clock.advance(minutes=2)


def test_forms_have_no_injected_markup(attacked: Stage) -> None:
    before = attacked.backend.clock.now
    usual = {"problem": Seen(attacked.client.get("/nowhere?lang=en").text).marks}
    for name, html in _by_forms(attacked, [words for words in PLAIN for _ in range(3 * 8)]):
        usual.setdefault(name, set()).update(Seen(html).marks)
    for name, html in _by_forms(attacked, [words[:60] for words in STORABLE]):
        seen = Seen(html)
        assert seen.marks - usual[name] == set(), name
        assert seen.astray == set(), name
        assert unruly(seen.said) == set(), name
    attacked.backend.clock.now = before


@pytest.mark.parametrize("words", [HOSTILE[n::8] for n in range(8)], ids=lambda words: f"{words[0][:12]!a}")
def test_interests_have_no_invisible_characters(words: Sequence[str]) -> None:
    taken = 0
    for text in words:
        try:
            record = parse({"email": ADA, "name": text[:150], "topics": [text[:250]], "mute": [text[:99]]})
        except BadRecord:
            continue
        taken += 1
        said = subscriber_fields(record.as_new)
        assert unruly(repr(said)) == set()
        assert parse(said) == parse(subscriber_fields(parse(said).as_new))
    assert taken > len(words) / 2


def test_addresses_are_plain_addresses() -> None:
    taken = 0
    for words in HOSTILE:
        for text in (words, f"{words}@example.org", f"ada@{words}", f"{ADA}{words}", f"ada+{words}@example.org"):
            try:
                address = canonical_address(text)
            except BadRecord:
                continue
            taken += 1
            assert all("!" <= letter <= "~" and letter not in '<>"(),:;\\[]' for letter in address), text
            assert address.count("@") == 1
    assert taken < len(HOSTILE)


@pytest.mark.parametrize("form", ["", *IMPORT_FORMATS])
def test_imported_papers_are_plain_lines(form: str) -> None:
    files = [_file(form, words) for words in HOSTILE[::5]] + ["\n\n".join(HOSTILE[::3])]
    told = [text for file in files for text in _told(form, file)]
    assert len(told) > len(files) / 2
    for text in told:
        assert unruly(text) <= TURNING


TURNING = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
"""What turns the writing around is kept as a source has it, and is taken out where it is shown."""


def _told(form: str, file: str) -> Iterator[str]:
    """Return all text that is imported from a file or reported about it."""
    try:
        page = ReferenceFile(form).parse(file.encode("utf-8", "replace"))
    except SourceFailed as error:
        yield str(error)
        return
    for reject in page.rejects:
        yield reject.where + reject.field + reject.message
    for sighting in page.sightings:
        said = sighting.words
        yield "".join((said.title, said.abstract, *said.authors, *said.categories))


def _file(form: str, words: str) -> str:
    """Return a file of a format with the strings in it, unescaped in text formats."""
    name = {"family": words, "given": words, "lastName": words, "firstName": words}
    written = {
        "bibtex": f"@article{{x,\n title = {{{words}}},\n author = {{{words}}},\n abstract = {{{words}}}\n}}\n",
        "ris": f"TY  - JOUR\nTI  - {words}\nAU  - {words}\nAB  - {words}\nER  - \n",
        "medline": f"PMID- 700001\nTI  - {words}\nFAU - {words}\nAB  - {words}\n",
        "opml": f'<opml version="2.0"><body><outline text="{words}" xmlUrl="{words}"/></body></opml>',
        "ids": f"2401.00001\n{words}\n",
        "csl-json": json.dumps([{"title": words, "abstract": words, "author": [name], "DOI": words}]),
        "zotero": json.dumps([{"data": {"title": words, "abstractNote": words, "creators": [name], "DOI": words}}]),
    }
    return written.get(form, f"A title\n{words}\n\n{words}\nAn abstract of it.\n")


@pytest.mark.parametrize("language", ["en", "de"])
def test_mail_replies_have_no_injected_header_or_markup(templates: Templates, language: str) -> None:
    usual, headers = set[Mark](), set[tuple[str, ...]]()
    for words in (["lakes", "2026-11-24", "daily", "7", "UTC"], HOSTILE):
        for what in SENTENCES:
            told = [ReplyLine(what, (text, text, text)) for text in words[:: 1 if what in {"added", "unclear"} else 9]]
            content = ReplyContent("Papers Daily", tuple(told), True, golden.POSTAL, language)
            rendered = render_reply(templates, content)
            mail = message_from_bytes(
                compose_notice(golden.notice_headers(rendered), rendered.text, rendered.html), policy=default
            )
            seen = Seen(rendered.html)
            if words is not HOSTILE:
                usual |= seen.marks
                headers.add(tuple(mail.keys()))
            assert tuple(mail.keys()) in headers
            assert len(list(mail.walk())) == 3
            assert seen.marks <= usual
            assert seen.astray == set()
            assert unruly(seen.said + rendered.text + str(mail["Subject"])) == set()
