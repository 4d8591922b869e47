"""Test seven hundred hostile strings in every field from outside, in every output.

The structure of each answer is compared with that for harmless text: no additional element, attribute, scheme, header
or record. The fields are filled in the database itself, see `stage`.
"""

import json
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import rispy
from bibtexparser.entrypoint import parse_string
from lxml import etree

from digestd.security.tokens import Purpose
from digestd.text.sanitise import clean, shorten
from tests.security.hostile import HOSTILE, STORABLE
from tests.security.parsed_output import Mark, Seen, unruly
from tests.security.stage import Stage
from tests.support.relay import ReceivedMail

ATOM = "{http://www.w3.org/2005/Atom}"
OURS: frozenset[Mark] = frozenset((tag, frozenset(), frozenset()) for tag in ("wbr", "bdi"))
"""What mails insert into long words and into names from right to left."""
OFFER: Mark = (
    "button",
    frozenset({"class", "formaction", "formnovalidate", "name", "value"}),
    frozenset({("class", "plain small"), ("name", "chosen_topic")}),
)
"""What a page offers beside a topic without papers."""
_LETTERS = frozenset({"lang", "dir"})
"""Attributes that follow from the letters of a text."""


def test_there_are_enough_hostile_strings() -> None:
    assert len(set(HOSTILE)) == len(set(STORABLE)) >= 500


def test_pages_have_no_injected_markup_or_url(kind: Stage, attacked: Stage) -> None:
    usual: dict[str, set[Mark]] = {}
    for name, html in kind.pages():
        usual.setdefault(name, set()).update(Seen(html).marks)
    read = set()
    for name, html in attacked.pages():
        seen = Seen(html)
        assert _unlettered(seen.marks) - _unlettered(usual[name]) - OURS - {OFFER} == set(), name
        assert seen.astray == set(), name
        assert unruly(seen.said) == set(), name
        read |= seen.links
    titles = {" ".join(shorten(clean(text), 300).split()) for text in STORABLE}
    assert len(titles & read) > len(titles) / 3, "the words do stand there"


def test_mails_have_no_injected_header_or_markup(kind: Stage, attacked: Stage) -> None:
    usual = [_read(mail) for mail in kind.mails()]
    [shape] = {_shape(mail) for mail in usual}
    allowed = set(OURS).union(*(Seen(_part(mail, "html")).marks for mail in usual))
    mails = attacked.mails()
    for taken in mails:
        mail = _read(taken)
        assert _shape(mail) == shape
        assert mail["To"] == taken.recipient
        seen, text = Seen(_part(mail, "html")), _part(mail, "plain")
        assert _unlettered(seen.marks) - _unlettered(allowed) == set()
        assert seen.astray == set()
        assert unruly(seen.said + text + mail["Subject"]) == set()
    assert {taken.recipient for taken in mails} == {f"reader{n}@example.org" for n in attacked.readers}


def _read(taken: ReceivedMail) -> EmailMessage:
    """Parse a mail with the standard library after checking its raw bytes."""
    lines = taken.wire.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line or len(line) > 998 for line in lines)
    assert not any(line.startswith(b".") and not line.startswith(b"..") for line in lines)
    found = message_from_bytes(taken.message, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def _shape(mail: EmailMessage) -> tuple[object, ...]:
    return tuple(mail.keys()), tuple(part.get_content_type() for part in mail.walk()), tuple(mail.defects)


def _part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_reference_files_have_no_injected_records(attacked: Stage) -> None:
    for n in attacked.readers:
        link, count = attacked.backend.link(Purpose.SAVED, n), len(attacked.part(n))
        bib = attacked.client.get(f"{link}/saved.bib").text
        library = parse_string(bib)
        assert (len(library.entries), len(library.blocks), len(library.failed_blocks)) == (count, count, 0)
        assert len({entry.key for entry in library.entries}) == count
        ris = attacked.client.get(f"{link}/saved.ris").text
        assert len(rispy.loads(ris)) == ris.count("TY  - ") == ris.count("ER  - ") == count
        assert unruly((bib + ris).replace("\r\n", "\n")) == set()


def test_feeds_have_no_injected_entries(attacked: Stage) -> None:
    for n in attacked.readers:
        link, count = attacked.backend.link(Purpose.SAVED, n), len(attacked.part(n))
        root = etree.fromstring(attacked.client.get(f"{link}/saved.atom").content)
        assert len(root.findall(f"{ATOM}entry")) == count
        tags = {str(one.tag).removeprefix(ATOM) for one in root.iter()}
        assert tags <= {
            "feed",
            "id",
            "title",
            "updated",
            "link",
            "author",
            "name",
            "entry",
            "published",
            "category",
            "content",
        }
        assert {one.get("type") for one in root.iter(f"{ATOM}content")} == {"text"}
        assert all(one.get("href", "").startswith("https://") for one in root.iter(f"{ATOM}link"))
        said = json.loads(attacked.client.get(f"{link}/saved.json").content)
        assert len(said["items"]) == count
        assert {key for item in said["items"] for key in item} <= {
            *("id", "url", "title", "content_text", "date_published", "date_modified", "authors", "tags"),
        }
        assert all(item.get("url", "https://").startswith("https://") for item in said["items"])
        assert unruly("".join(map(str, root.itertext())) + json.dumps(said, ensure_ascii=False)) == set()


def _unlettered(marks: set[Mark]) -> set[Mark]:
    return {
        (tag, names - _LETTERS, frozenset(pair for pair in values if pair[0] not in _LETTERS))
        for tag, names, values in marks
    }
