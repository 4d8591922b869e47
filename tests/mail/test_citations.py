"""BibTeX and RIS: exported papers are read back unchanged."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from pylatexenc.latex2text import LatexNodes2Text

from digestd.domain.paper import Paper, PaperId, Words
from digestd.mail.citations import bibtex, family_first, ris

DECODER = LatexNodes2Text(keep_comments=True)
WHEN = datetime(2026, 11, 24, tzinfo=UTC)
WORDS = Words("Lakes", "We study lakes.", ("Bea Lakeman", "Ada van der Berg"), ("geo.ice", "cs.LG"))
PAPER = Paper(
    key=1, id=PaperId("arxiv:2611.04417"), revision=1, words=WORDS, plain_title="Lakes",
    plain_abstract="We study lakes.", published=WHEN, first_seen=WHEN, url="https://arxiv.org/abs/2611.04417",
)  # fmt: skip
ODD = [
    "100 % of $cost & more_ #1 ~ ^ \\ back",
    "an open { brace",
    "a closed } brace",
    "@article{evil, title={x}}",
    'says "so", and = {that}',
    "line\r\nER  - \r\nTY  - EVIL",
    "Größe 漢字 𝒪(n\u00a0log\u00a0n) and and",
    "\x00\u202egnp",
]


def one_line(text: str) -> str:
    """Return the visible text on one line."""
    return " ".join(text.replace("\x00", " ").replace("\u202e", " ").split())


@pytest.mark.parametrize("words", ODD)
def test_bibtex_round_trips_one_entry(words: str) -> None:
    paper = replace(
        PAPER, plain_title=words, plain_abstract=words, words=replace(WORDS, authors=(words, "Bea Lakeman"))
    )
    library = parse_string(bibtex([paper, replace(PAPER, id=PaperId("doi:10.5555/a{b}c"))]))
    assert library.failed_blocks == []
    assert [entry.entry_type for entry in library.entries] == ["misc", "article"]
    title = library.entries[0]["title"]
    assert title[0] + title[-1] == "{}"
    named = title[1:-1].replace(r"\textbraceleft{}", r"\{").replace(r"\textbraceright{}", r"\}")
    assert one_line(DECODER.latex_to_text(named).replace("ˆ", "^")) == one_line(words)


def test_bibtex_names_preprint_and_authors() -> None:
    entry = parse_string(bibtex([PAPER])).entries[0]
    assert entry.key == "arxiv-2611.04417"
    assert entry["author"] == "Lakeman, Bea and van der Berg, Ada"
    assert (entry["eprint"], entry["archiveprefix"], entry["year"]) == ("2611.04417", "arXiv", "2026")
    assert entry["url"] == "https://arxiv.org/abs/2611.04417"


def test_bibtex_keys_are_unique() -> None:
    papers = [replace(PAPER, id=PaperId(name)) for name in ("feed:a b", "feed:a?b", "feed:A!B")]
    keys = [entry.key for entry in parse_string(bibtex(papers)).entries]
    assert len({key.lower() for key in keys}) == 3


@pytest.mark.parametrize("words", ODD)
def test_ris_round_trips_one_record(words: str) -> None:
    paper = replace(PAPER, plain_title=words, plain_abstract=words)
    (record, doi) = rispy.loads(ris([paper, replace(PAPER, id=PaperId("doi:10.5555/x"))]))
    assert one_line(record["title"]) == one_line(words)
    assert record["type_of_reference"] == "UNPB"
    assert record["authors"] == ["Lakeman, Bea", "van der Berg, Ada"]
    assert record["keywords"] == ["geo.ice", "cs.LG"]
    assert (doi["type_of_reference"], doi["doi"]) == ("JOUR", "10.5555/x")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ada Lovelace", "Lovelace, Ada"),
        ("Lovelace, Ada", "Lovelace, Ada"),
        ("Plato", "Plato"),
        ("Juan de la Cruz", "de la Cruz, Juan"),
        ("Sammy Davis Jr.", "Davis, Jr., Sammy"),
        ("de Finetti", "Finetti, de"),
        ("", ""),
    ],
)
def test_citation_writes_family_name_first(name: str, written: str) -> None:
    assert family_first(name) == written
