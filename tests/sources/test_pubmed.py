"""Test PubMed: a search stored on the server, and its records page by page."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from digestd.errors import SourceFailed
from digestd.sources import parse_source
from digestd.sources.pubmed import MOST

BODY = (Path(__file__).parent / "samples" / "pubmed.xml").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
PUBMED = parse_source("pubmed:frozen lakes[tiab] AND english[la]")
FIRST = "0/450/1/MCID_x/y"


def search(**said: object) -> bytes:
    result = {"count": "450", "retmax": "0", "querykey": "1", "webenv": "MCID_x/y", "idlist": [], **said}
    return json.dumps({"header": {"type": "esearch", "version": "0.3"}, "esearchresult": result}).encode()


def article(
    number: int = 1, citation: str = "", article: str = "", data: str = "", kind: str = "Journal Article"
) -> str:
    return f"""<PubmedArticle><MedlineCitation><PMID Version="1">{number}</PMID><Article>
        <ArticleTitle>T.</ArticleTitle>{article}
        <PublicationTypeList><PublicationType>{kind}</PublicationType></PublicationTypeList></Article>{citation}
        </MedlineCitation><PubmedData><History><PubMedPubDate PubStatus="entrez"><Year>2026</Year><Month>11</Month>
        <Day>23</Day></PubMedPubDate></History>{data}</PubmedData></PubmedArticle>"""


def answer(*records: str) -> bytes:
    return f"<PubmedArticleSet>{''.join(records)}</PubmedArticleSet>".encode()


def only(*records: str) -> Any:
    page = PUBMED.parse(answer(*records), FIRST)
    assert (len(page.sightings), page.rejects) == (1, ())
    return page.sightings[0]


def related(kind: str, number: int) -> str:
    return f"""<CommentsCorrectionsList><CommentsCorrections RefType="{kind}"><RefSource>J</RefSource>
        <PMID Version="1">{number}</PMID></CommentsCorrections></CommentsCorrectionsList>"""


def test_pubmed_parses_every_field() -> None:
    lakes, ponds = PUBMED.parse(BODY, FIRST).sightings[:2]
    assert lakes.ids == ("pmid:99000001", "pmcid:PMC9900001", "doi:10.5555/lakes.99")
    assert lakes.words.title == "Freezing of Lacus minor at H2O < 0 degrees"
    assert lakes.words.abstract == "BACKGROUND: Lakes freeze. RESULTS: Most of them did & one did not."
    assert lakes.words.authors == ("Zoë Ångström", "B Li Jr", "Frozen Lakes Consortium")
    assert lakes.words.categories == ("Journal of invented lakes", "ice", "lakes")
    assert lakes.published == datetime(2026, 11, 22, tzinfo=UTC)
    assert (lakes.day, lakes.announced) == (date(2026, 11, 23), "new")
    assert (lakes.withdrawn, ponds.withdrawn, ponds.announced) == (False, True, "replace")
    assert lakes.url == "https://pubmed.ncbi.nlm.nih.gov/99000001/"


def test_pubmed_searches_recent_entries() -> None:
    request = PUBMED.requests(SINCE, None)
    assert request is not None
    assert request.fresh
    query = parse_qs(urlsplit(request.url).query)
    assert query["term"] == ["frozen lakes[tiab] AND english[la]"]
    assert (query["datetype"], query["mindate"], query["maxdate"]) == (["edat"], ["2026/11/22"], ["3000"])
    assert (query["usehistory"], query["tool"]) == (["y"], ["digestd"])
    assert "email" not in query


def test_pubmed_fetches_result_page_by_page() -> None:
    found = PUBMED.parse(search())
    assert (found.next, found.total, found.sightings) == (FIRST, 450, ())
    request = PUBMED.requests(SINCE, found.next)
    assert request is not None
    query = parse_qs(urlsplit(request.url).query)
    assert (query["WebEnv"], query["query_key"], query["retstart"]) == (["MCID_x/y"], ["1"], ["0"])
    page = PUBMED.parse(answer(article(1), article(2)), FIRST)
    assert (page.next, page.total) == ("2/450/1/MCID_x/y", 450)


@pytest.mark.parametrize(("start", "count"), [(428, 450), (1, 6), (9_990, 20_000)])
def test_pubmed_deleted_records_leave_a_gap(start: int, count: int) -> None:
    assert PUBMED.parse(answer(), f"{start}/{count}/1/MCID_x").next is None


@pytest.mark.parametrize(("start", "count"), [(0, 1), (0, 450), (400, 450), (1, 7)])
def test_pubmed_requests_empty_page_again(start: int, count: int) -> None:
    cursor = f"{start}/{count}/1/MCID_x"
    assert PUBMED.parse(answer(), cursor).next == cursor


def test_pubmed_reports_too_large_result() -> None:
    page = PUBMED.parse(search(count="20000"))
    assert "narrow the search" in page.rejects[0].message
    assert page.next is not None
    assert PUBMED.parse(answer(article()), f"{MOST - 1}/20000/1/MCID_x/y").next is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (search(ERROR="Search Backend failed"), "Search Backend failed"),
        (b'{"error": "API rate limit exceeded", "count": "4"}', "rate limit exceeded"),
        (search(errorlist={"phrasesnotfound": [], "fieldsnotfound": ["tiabb"]}), "unknown field tiabb"),
        (search(count=None), "how many"),
        (search(webenv=None), "where"),
        (b'{"header": {}}', "its format has changed"),
        (b"<eSearchResult/>", "not JSON"),
    ],
)
def test_pubmed_failed_search_reports_reason(body: bytes, said: str) -> None:
    with pytest.raises(SourceFailed, match=said):
        PUBMED.parse(body)


OWN = (
    b'<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2026//EN" "https://example.org/x.dtd">'
)
BARE = answer(article())


@pytest.mark.parametrize(
    "head",
    [b"", OWN, b'<?xml version="1.0" ?>\n' + OWN + b"\n", b"<!DOCTYPE PubmedArticleSet>",
     b'<!DOCTYPE PubmedArticleSet SYSTEM "x.dtd">'],
)  # fmt: skip
def test_pubmed_accepts_its_own_doctype(head: bytes) -> None:
    assert PUBMED.parse(head + BARE, FIRST) == PUBMED.parse(BARE, FIRST)


@pytest.mark.parametrize(
    "head",
    [
        b'<!DOCTYPE PubmedArticleSet [<!ENTITY a "aaaa">]>',
        b'<!DOCTYPE PubmedArticleSet PUBLIC "x" "y" [<!ENTITY a "aaaa">]>',
        b'<!DOCTYPE PubmedArticleSet SYSTEM "x" [<!ELEMENT a ANY>]>',
        b"<!DOCTYPE html>",
        OWN + OWN,
        OWN + b'<!ENTITY a "aaaa">',
        b"<!-- x -->" + OWN,
    ],
)
def test_pubmed_refuses_other_declarations(head: bytes) -> None:
    with pytest.raises(SourceFailed, match="DOCTYPE"):
        PUBMED.parse(head + BARE, FIRST)


def test_pubmed_knows_standard_entities_only() -> None:
    body = OWN + BARE.replace(b"T.", b"&eacute;&xxe;")
    with pytest.raises(SourceFailed, match="malformed XML: undefined entity"):
        PUBMED.parse(body, FIRST)


@pytest.mark.parametrize(
    ("said", "published"),
    [
        ("<Year>2026</Year><Month>Oct</Month><Day>4</Day>", date(2026, 10, 4)),
        ("<Year>2026</Year><Month>10</Month>", date(2026, 10, 1)),
        ("<Year>2026</Year><Month>Nov</Month>", date(2026, 11, 23)),
        ("<Year>2026</Year><Season>Fall</Season>", date(2026, 11, 23)),
        ("<Year>2027</Year><Month>Jan</Month>", date(2026, 11, 23)),
        ("<MedlineDate>2024 Nov-Dec</MedlineDate>", date(2024, 1, 1)),
        ("<MedlineDate>1998 Dec-1999 Jan</MedlineDate>", date(1998, 1, 1)),
        ("<MedlineDate>Winter</MedlineDate>", date(2026, 11, 23)),
        ("", date(2026, 11, 23)),
    ],
)
def test_pubmed_reads_seasons_spans_and_partial_dates(said: str, published: date) -> None:
    issue = f"<Journal><JournalIssue><PubDate>{said}</PubDate></JournalIssue></Journal>"
    assert only(article(article=issue)).published.date() == published


def test_pubmed_retraction_notice_withdraws_its_article() -> None:
    notice = only(article(9, related("RetractionOf", 7), kind="Retraction of Publication"))
    assert (notice.ids, notice.withdrawn, notice.published) == (("pmid:7",), True, None)


def test_pubmed_notice_and_article_agree_in_any_order() -> None:
    notice, retracted = article(9, related("RetractionOf", 7)), article(7)
    one = PUBMED.parse(answer(notice, retracted), FIRST).sightings
    assert one == PUBMED.parse(answer(retracted, notice), FIRST).sightings
    assert [(s.ids, s.withdrawn, s.published is None) for s in one] == [(("pmid:7",), True, False)]


@pytest.mark.parametrize("kind", ["Published Erratum", "Expression of Concern", "Retraction Notice"])
def test_pubmed_skips_notices(kind: str) -> None:
    page = PUBMED.parse(answer(article(kind=kind)), FIRST)
    assert (page.sightings, page.rejects) == ((), ())


def test_pubmed_joins_preprint_and_article() -> None:
    assert only(article(1, related("UpdateIn", 2), kind="Preprint")).ids == ("pmid:1", "pmid:2")
    assert only(article(1, related("UpdateIn", 2))).ids == ("pmid:1",)


def test_pubmed_reads_doi_of_article_element() -> None:
    where = '<ELocationID EIdType="doi" ValidYN="{}">10.5555/x</ELocationID>'
    assert only(article(article=where.format("Y"))).ids == ("pmid:1", "doi:10.5555/x")
    assert only(article(article=where.format("N"))).ids == ("pmid:1",)


def test_pubmed_book_chapter_is_a_paper() -> None:
    chapter = """<PubmedBookArticle><BookDocument><PMID>5</PMID><Book><BookTitle>Waters</BookTitle><PubDate>
        <Year>2020</Year></PubDate></Book><ArticleTitle>Wells</ArticleTitle><Abstract><AbstractText>Deep.</AbstractText>
        </Abstract></BookDocument></PubmedBookArticle>"""
    wells = only(chapter)
    assert (wells.ids, wells.words.title, wells.words.abstract) == (("pmid:5",), "Wells", "Deep.")
    assert wells.words.categories == ("Waters",)


def test_pubmed_rejects_article_without_title_by_pmid() -> None:
    bad = article(2).replace("<ArticleTitle>T.", "<ArticleTitle>[Not Available].")
    page = PUBMED.parse(answer(article(1), bad), FIRST)
    assert [(reject.where, reject.field) for reject in page.rejects] == [("PMID 2", "ArticleTitle")]


def test_pubmed_truncated_page_continues_after_records() -> None:
    page = PUBMED.parse(answer(article(1), article(2))[:-60], FIRST)
    assert [sighting.ids for sighting in page.sightings] == [("pmid:1",)]
    assert "malformed XML" in page.rejects[0].message
    assert page.next == "1/450/1/MCID_x/y"
