"""Test BibTeX files."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources import parse_source
from digestd.sources.jsonl import read_record

BODY = (Path(__file__).parent / "samples" / "bibtex.bib").read_bytes()
BIB = parse_source("bibtex:/data/papers.bib")


def one(fields: str) -> Sighting:
    (found,) = BIB.parse(f"@article{{key, {fields}}}".encode()).sightings
    return found


def test_bibtex_parses_every_field() -> None:
    lakes, ponds, shores = BIB.parse(BODY).sightings
    assert lakes.ids == ("arxiv:2611.50001", "doi:10.5555/lakes_50001")
    assert lakes.words.title == "On Lakes where $a<b$, and étüdes & co: 50% of Gödel's"
    assert lakes.words.abstract == "We let $n < m$ lakes freeze."
    assert lakes.words.authors == ("Zoë Ångström", "Bo Li Jr.", "Lake and Survey Group")
    assert lakes.words.categories == ("cs.LG", "water", "ice", "snow", "Journal of Invented Lakes")
    assert lakes.published == datetime(2026, 11, 20, tzinfo=UTC)
    assert lakes.url == "https://journal.example.org/lakes/50001"
    assert (ponds.words.authors, ponds.published) == (("Ann van Rue",), datetime(2026, 3, 1, tzinfo=UTC))
    assert ponds.words.categories == ("Proceedings of the Pond Days",)
    assert shores.ids == ("arxiv:2503.50002",)


def test_bibtex_entry_without_ids_gets_hash_like_jsonl() -> None:
    found = one("title = {Ponds}, author = {Rue, Ann}")
    assert found.ids == read_record({"title": "Ponds", "authors": ["Ann Rue"]}).ids


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ("eprint = {2611.00001}", "arxiv:2611.00001"),
        ("eprint = {math.GT/0309136}, archivePrefix = {arXiv}", "arxiv:math/0309136"),
        ("eprint = {2611.00001}, eprinttype = {arXiv}", "arxiv:2611.00001"),
        ("url = {https://arxiv.org/abs/2611.00001v2}", "arxiv:2611.00001"),
        ("journal = {CoRR}, volume = {abs/2611.00001}", "arxiv:2611.00001"),
        ("howpublished = {arXiv:2611.00001 [cs.LG]}", "arxiv:2611.00001"),
        ("doi = {https://doi.org/10.5555/X}", "doi:10.5555/x"),
        ("url = {https://doi.org/10.5555/X}", "doi:10.5555/x"),
    ],
)
def test_bibtex_finds_identifier_in_any_field(fields: str, name: str) -> None:
    assert one(f"title = {{T}}, {fields}").ids[0] == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (r"\L ukasz Rue", "Łukasz Rue"),
        (r"\O. Rue", "Ø. Rue"),
        (r"\v{Z}eljko Rue", "Željko Rue"),
        (r"Rue, \AA sa", "Åsa Rue"),
        (r"\DJ ur\dj a Rue", "Đurđa Rue"),
        (r"{\'E}lie Rue", "Élie Rue"),
        (r"Nu\~{n}o Mu\~noz", "Nuño Muñoz"),
        (r"\AA sa Wei\ss", "Åsa Weiß"),
    ],
)
def test_bibtex_author_may_begin_with_tex(written: str, name: str) -> None:
    found = one(f"title = {{T}}, author = {{{written} and Li, Bo AND {written}\n and {written}}}")
    assert found.words.authors == (name, "Bo Li", name, name)


def test_bibtex_eprint_of_other_archive_is_no_arxiv_id() -> None:
    elsewhere = one("title = {T}, author = {Rue, Ann}, eprint = {2611.00001}, archivePrefix = {HAL}")
    assert elsewhere.ids == one("title = {T}, author = {Rue, Ann}").ids


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ("year = 2026, month = nov", "2026-11-01"),
        ("year = {2026}, month = {November}", "2026-11-01"),
        ("year = {2026}, month = {11}", "2026-11-01"),
        ("year = {{2026}}, month = {{12}}", "2026-12-01"),
        ("year = {2026/2027}, month = 12", "2026-12-01"),
        ("year = {20265}", "2026-01-01"),
        ("year = {November 2026}", "2026-11-01"),
        ("year = {in press, 2026}", "2026-01-01"),
        ("year = 2026, month = {spring}", "2026-01-01"),
        ("date = {2026-11-24/2026-11-25}", "2026-11-24"),
        ("date = {2026-11}, year = 2020", "2026-11-01"),
        ("date = {2026-13-01}", "2026-01-01"),
    ],
)
def test_bibtex_reads_dates_of_both_dialects(fields: str, day: str) -> None:
    assert one(f"title = {{T}}, {fields}").published == datetime.fromisoformat(f"{day}T00:00:00+00:00")


@pytest.mark.parametrize("fields", ["year = {soon}", "date = {soon}", "year = {0001}", "url = {javascript:alert(1)}"])
def test_bibtex_ignores_invalid_date_and_url(fields: str) -> None:
    found = one(f"title = {{T}}, {fields}")
    assert (found.published, found.url) == (None, None)


def test_bibtex_keeps_good_entries_among_broken() -> None:
    body = b"""@article{good1, title = {A}}
        @article{open, title = {B
        @article{good2, title = {C}}
        @article{untitled, year = 2026}
        @article{baddoi, title = {D}, doi = {n/a}}
        @article{twice, title = {E}, title = {F}}
        @article{good1, title = {G}}
        stray text"""
    page = BIB.parse(body)
    assert [sighting.words.title for sighting in page.sightings] == ["A", "C", "D", "E", "G"]
    assert [(r.where, r.field) for r in page.rejects] == [
        ("open (line 2)", "entry"),
        ("untitled (line 4)", "title"),
    ]
    assert not any("\n" in reject.message for reject in page.rejects)


def test_bibtex_accepts_bom_and_empty_file() -> None:
    assert len(BIB.parse(b"\xef\xbb\xbf@article{a, title = {A}}").sightings) == 1
    assert BIB.parse(b"").sightings == BIB.parse(b" \n").sightings == ()


@pytest.mark.parametrize(
    ("body", "said"), [(b"@article{a, title = {\xe9}}", "not UTF-8"), (b"TY  - JOUR", "no BibTeX")]
)
def test_bibtex_reports_other_format_or_encoding(body: bytes, said: str) -> None:
    with pytest.raises(SourceFailed, match=said):
        BIB.parse(body)


_PIECES = [
    *("@article{", "@string{", "@comment{", "k,", "title", "=", "{", "}", '"', ",", "author", " and ", "\\'", "\\"),
    *("$", "%", "#", "crossref", "doi", "eprint", "year", "2026", "x", "é", "\n", "~", "\\begin{a}", "date"),
]


@given(st.lists(st.sampled_from(_PIECES), max_size=40))
def test_bibtex_reads_or_refuses_any_text(parts: list[str]) -> None:
    for body in ("".join(parts), f"@article{{k, title = {{{''.join(parts)}}}, author = {{{''.join(parts)}}}}}"):
        with suppress(SourceFailed):
            BIB.parse(body.encode())
