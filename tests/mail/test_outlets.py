"""Outlets: each has a registry line, and exported papers are read back unchanged."""

import json
import pkgutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import feedparser
import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pylatexenc.latex2text import LatexNodes2Text

from digestd.domain.paper import Paper, PaperId, Words
from digestd.mail import outlets
from digestd.mail.outlets import OUTLETS, ListedPaper, Outlet, PaperList, by_ending
from digestd.mail.paper_view import PaperView
from digestd.text.people import family_first

NO_OUTLETS = {"outlet"}
"""Modules that hold what outlets share."""
DOCS = Path(__file__).parents[2] / "deploy" / "docs" / "outlets.md"
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


def listed(*papers: Paper, why: str = "") -> PaperList:
    """Return a list of these papers."""
    items = tuple(ListedPaper(PaperView.of(paper), WHEN, why) for paper in papers)
    return PaperList("list", "Papers Daily", "https://example.org/d/x", "", "en", WHEN, items)


def written(name: str, *papers: Paper, why: str = "") -> str:
    """Return the papers as an outlet writes them."""
    return OUTLETS[name].render(listed(*papers, why=why)).decode()


def one_line(text: str) -> str:
    """Return the visible text on one line."""
    return " ".join(text.replace("\x00", " ").replace("\u202e", " ").split())


def test_every_module_is_registered() -> None:
    modules = {module.name for module in pkgutil.iter_modules(outlets.__path__)} - NO_OUTLETS
    assert {outlet.render.__module__.rpartition(".")[2] for outlet in OUTLETS.values()} == modules
    assert len({outlet.ending for outlet in OUTLETS.values()}) == len(OUTLETS), "two outlets have the same ending"


@pytest.mark.parametrize(("name", "outlet"), OUTLETS.items())
def test_outlet_keeps_the_contract(name: str, outlet: Outlet) -> None:
    assert name.isalpha()
    assert name.islower()
    assert by_ending(outlet.ending) is outlet
    assert f"| `{name}` | `.{outlet.ending}` |" in DOCS.read_text(), (
        "describe it in the table of deploy/docs/outlets.md"
    )
    assert outlet.media_type.partition(";")[2].strip().startswith("charset=utf-8")
    outlet.render(listed()).decode()
    odd = replace(PAPER, plain_title="", plain_abstract="", words=Words(""), url="javascript:alert(1)")
    for papers in ([PAPER], [PAPER, odd], [replace(PAPER, plain_title=f"{title}\ud800") for title in ODD]):
        found = outlet.render(listed(*papers, why="Matches your topic <b>lakes</b>"))
        assert found == outlet.render(listed(*papers, why="Matches your topic <b>lakes</b>")), "not reproducible"
        assert b"Lakes" in found or papers[0] is not PAPER
        assert b"javascript:" not in found


@pytest.mark.parametrize("words", ODD)
def test_feeds_round_trip_titles(words: str) -> None:
    paper = replace(PAPER, plain_title=words)
    assert one_line(json.loads(written("json", paper))["items"][0]["title"]) == one_line(words)
    read = feedparser.parse(written("atom", paper), sanitize_html=False, resolve_relative_uris=False)
    assert not read.bozo
    assert read.entries[0].id == json.loads(written("json", paper))["items"][0]["id"]


@pytest.mark.parametrize(
    "words",
    [*ODD, "- no list", "1. no list", "2026) no list", "# no heading", "> no quote", "a | b", "**no** _is_ `it`",
     "![no](https://example.org/image)", "<script>no</script>", "&amp; no entity", "www.example.org", "https://x.org",
     "ada@example.org", "*", "---", "===", "[no]: /link", "    no code", "~~no~~"],
)  # fmt: skip
def test_markdown_shows_words_as_they_are(words: str) -> None:
    named = replace(WORDS, authors=(f"{words} X",), categories=(words,))
    paper = replace(PAPER, plain_title=words, plain_abstract=words, words=named)
    parser = MarkdownIt("gfm-like", {"linkify": False})
    blocks = [token for token in parser.parse(written("markdown", paper, why=words)) if token.type == "inline"]
    texts = [one_line(plain(token)) for token in blocks]
    name = one_line(words)
    assert texts[2:] == [f"1. {name}", f"{name} X · {name} · 2026-11-24", name, name]
    kinds = {child.type for token in blocks for child in token.children or ()}
    assert kinds <= {"text", "text_special", "link_open", "link_close"}
    assert {token.tag for token in parser.parse(written("markdown", paper, why=words)) if token.nesting == 1} == {
        "h1", "h2", "p", "blockquote",
    }  # fmt: skip


def plain(token: Token) -> str:
    """Return the visible text of a block."""
    return "".join(child.content for child in token.children or ())


def test_markdown_links_papers() -> None:
    links = {"pdf": "https://arxiv.org/pdf/1", "code": "https://example.org/c(o)de", "discussion": "javascript:x"}
    text = written("markdown", replace(PAPER, links=links), why="Matches your topic lakes")
    assert text.startswith("# Papers Daily\n\n<https://example.org/d/x>\n\n## 1\\. [Lakes](<https://arxiv.org/abs/")
    assert text.endswith("\n\n[PDF](<https://arxiv.org/pdf/1>) · [Code](<https://example.org/c(o)de>)\n")


@pytest.mark.parametrize("words", ODD)
def test_bibtex_round_trips_one_entry(words: str) -> None:
    paper = replace(
        PAPER, plain_title=words, plain_abstract=words, words=replace(WORDS, authors=(words, "Bea Lakeman"))
    )
    library = parse_string(written("bibtex", paper, replace(PAPER, id=PaperId("doi:10.5555/a{b}c"))))
    assert library.failed_blocks == []
    assert [entry.entry_type for entry in library.entries] == ["misc", "article"]
    title = library.entries[0]["title"]
    assert title[0] + title[-1] == "{}"
    named = title[1:-1].replace(r"\textbraceleft{}", r"\{").replace(r"\textbraceright{}", r"\}")
    assert one_line(DECODER.latex_to_text(named).replace("ˆ", "^")) == one_line(words)


def test_bibtex_names_preprint_and_authors() -> None:
    entry = parse_string(written("bibtex", PAPER)).entries[0]
    assert entry.key == "arxiv-2611.04417"
    assert entry["author"] == "Lakeman, Bea and van der Berg, Ada"
    assert (entry["eprint"], entry["archiveprefix"], entry["year"]) == ("2611.04417", "arXiv", "2026")
    assert entry["url"] == "https://arxiv.org/abs/2611.04417"


def test_bibtex_keys_are_unique() -> None:
    papers = [replace(PAPER, id=PaperId(name)) for name in ("feed:a b", "feed:a?b", "feed:A!B")]
    keys = [entry.key for entry in parse_string(written("bibtex", *papers)).entries]
    assert len({key.lower() for key in keys}) == 3


@pytest.mark.parametrize("words", ODD)
def test_ris_round_trips_one_record(words: str) -> None:
    paper = replace(PAPER, plain_title=words, plain_abstract=words)
    (record, doi) = rispy.loads(written("ris", paper, replace(PAPER, id=PaperId("doi:10.5555/x"))))
    assert one_line(record["title"]) == one_line(words)
    assert record["type_of_reference"] == "UNPB"
    assert record["authors"] == ["Lakeman, Bea", "van der Berg, Ada"]
    assert record["keywords"] == ["geo.ice", "cs.LG"]
    assert (doi["type_of_reference"], doi["doi"]) == ("JOUR", "10.5555/x")


def test_csl_names_preprint_and_authors() -> None:
    authors = ("Bea Lakeman", "Ada van der Berg", "Sammy Davis Jr.", "Plato")
    preprint, article = json.loads(
        written(
            "csl", replace(PAPER, words=replace(WORDS, authors=authors)), replace(PAPER, id=PaperId("doi:10.5555/x"))
        )
    )
    assert (preprint["id"], preprint["type"], preprint["number"]) == (
        "arxiv-2611.04417", "article", "arXiv:2611.04417"
    )  # fmt: skip
    assert preprint["author"] == [
        {"family": "Lakeman", "given": "Bea"},
        {"family": "van der Berg", "given": "Ada"},
        {"family": "Davis", "suffix": "Jr.", "given": "Sammy"},
        {"literal": "Plato"},
    ]
    assert preprint["issued"] == {"date-parts": [[2026, 11, 24]]}
    assert (article["type"], article["DOI"]) == ("article-journal", "10.5555/x")


@pytest.mark.parametrize("words", ODD)
def test_files_round_trip_tags_and_notes(words: str) -> None:
    one = ListedPaper(PaperView.of(PAPER), WHEN, tags=(words, "thesis"), note=f"{words}\nsecond line")
    own = replace(listed(), items=(one,))
    shown = one_line(f"{words} second line")
    (item,) = json.loads(OUTLETS["csl"].render(own))
    assert one_line(item["annote"]) == shown
    (record,) = rispy.loads(OUTLETS["ris"].render(own).decode())
    assert one_line(record["notes"][0]) == shown
    assert [one_line(word) for word in record["keywords"][:2]] == [one_line(words), "thesis"]
    (entry,) = parse_string(OUTLETS["bibtex"].render(own).decode()).entries
    assert "second line" in entry["annote"]
    assert "thesis, geo.ice" in entry["keywords"]
    blocks = MarkdownIt("gfm-like", {"linkify": False}).parse(OUTLETS["markdown"].render(own).decode())
    texts = [one_line(plain(token)) for token in blocks if token.type == "inline"]
    assert {"second line", one_line(words.splitlines()[-1])} <= set(texts)
    assert any(text.endswith("#thesis") for text in texts)


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
