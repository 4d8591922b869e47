"""One odd record among good ones: the others are read as if it were not there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from digestd.domain.paper import PaperId
from digestd.fetching.page_validation import decode
from digestd.fetching.parser_main import encode
from tests.sources.test_contract import CURSORS, SAMPLES, reading
from tests.sources.test_shapes import paths, replaced

ODD = [
    *("9" * 5_000, "\ud800", "0000-00-00", "9999-12-31T23:59:60Z", "<" * 3_000),
    *(json.loads("[" * 90 + "]" * 90), {}, [None], True, 2**70, None),
]
"""What stands in place of a part of the record."""
NUMBERS = ("9" * 5_000, "1e999", "NaN")
"""Written as such in place of a part."""
_PLACE = '"the number"'


SEVERAL = sorted(set(SAMPLES.glob("*.json")) - {SAMPLES / "github-stars.json"})
"""The samples with several records: GitHub is asked about one repository at a time."""


@pytest.mark.parametrize("path", SEVERAL, ids=lambda path: path.name)
def test_odd_record_hides_no_other(path: Path) -> None:
    document = json.loads(path.read_bytes())
    place = records(document)
    others = ids(path, json.dumps(replaced(document, (*place, 0), None)).encode())
    assert others
    lost = {body[:80]: others - ids(path, body) for body in variants(document, place)}
    assert {body: missing for body, missing in lost.items() if missing} == {}


RECORDS = {
    **{"acl-anthology.xml": "paper", "arxiv-oai.xml": "record", "arxiv-rss.atom.xml": "entry", "arxiv-rss.xml": "item"},
    **{"arxiv.xml": "entry", "feed.atom.xml": "entry", "feed.rdf.xml": "item", "feed.xml": "item"},
    "pubmed.xml": "PubmedArticle",
}
"""The element of a record in the samples in XML."""
ODD_XML = ("9" * 5_000, "0000-00-00", "9999-12-31T23:59:60Z", "", "1e999", "<a>" * 60 + "</a>" * 60)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_odd_element_hides_no_other(name: str) -> None:
    text = (SAMPLES / name).read_text()
    first = re.search(rf"<{RECORDS[name]}[ >].*?</{RECORDS[name]}>", text, re.DOTALL)
    assert first is not None
    others = ids(SAMPLES / name, text.replace(first[0], "").encode())
    assert others
    for part in re.finditer(r">([^<>]+)<", first[0]):
        for odd in ODD_XML:
            changed = first[0][: part.start(1)] + odd + first[0][part.end(1) :]
            assert others <= ids(SAMPLES / name, text.replace(first[0], changed).encode()), (part[1], odd[:30])


def ids(path: Path, body: bytes) -> set[PaperId]:
    """Return the identifiers that a sample's source reads, after what its process says was validated."""
    kind = path.name.split(".")[0]
    page = decode(*encode(reading(kind).parse(body, CURSORS.get(kind))))
    assert not isinstance(page, str), page
    return {name for sighting in page.sightings for name in sighting.ids}


def records(document: object) -> tuple[object, ...]:
    """Return the path of the list of records: of several objects, the topmost."""
    found = [place for place in paths(document) if isinstance(at(document, place), list)]
    return min((place for place in found if len(at(document, place)) > 1), key=len)


def at(document: Any, place: tuple[object, ...]) -> Any:
    for key in place:
        document = document[key]
    return document


def variants(document: object, place: tuple[object, ...]) -> Iterator[bytes]:
    """Yield the document with each part of its first record replaced by each odd value."""
    first = (*place, 0)
    for part in paths(at(document, first)):
        for value in ODD:
            yield json.dumps(replaced(document, (*first, *part), value)).encode()
        text = json.dumps(replaced(document, (*first, *part), "the number"))
        yield from (text.replace(_PLACE, number).encode() for number in NUMBERS)
