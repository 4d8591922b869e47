"""Test Crossref: journals by ISSN."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from digestd.sources import parse_source
from digestd.sources.retractions import retracted_title
from digestd.sources.source import Page
from digestd.text.markup import jats_to_text, with_spaces

BODY = (Path(__file__).parent / "samples" / "crossref.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
CROSSREF = parse_source("crossref:1234-5679+2049-3630")
CREATED = {"date-parts": [[2026, 11, 23]]}


def work(**said: object) -> dict[str, object]:
    own = {"DOI": "10.5555/1", "type": "journal-article", "title": ["T"], "issued": CREATED, "created": CREATED}
    return {**own, **{name.replace("_", "-"): value for name, value in said.items()}}


def answer(*works: dict[str, object], total: object = 9, cursor: object = "abc+/=") -> bytes:
    message = {"total-results": total, "next-cursor": cursor, "items": works}
    return json.dumps({"status": "ok", "message": message}).encode()


def only(*works: dict[str, object]) -> Any:
    page = CROSSREF.parse(answer(*works))
    assert (len(page.sightings), page.rejects) == (1, ())
    return page.sightings[0]


def related(kind: str, *others: str, id_type: str = "doi") -> dict[str, object]:
    return {kind: [{"id-type": id_type, "id": other, "asserted-by": "subject"} for other in others]}


def test_crossref_parses_every_field() -> None:
    lakes = CROSSREF.parse(BODY).sightings[0]
    assert lakes.ids == ("doi:10.5555/lakes.2026.1", "doi:10.1101/2026.01.02.400001")
    assert lakes.words.title == "Deep Lacus H2O & its ice"
    assert lakes.words.abstract == "Lakes freeze when T < 0. CO2 stays."
    assert lakes.words.authors == ("Zoë Ångström", "Bo Li Jr.", "The Frozen Lakes Consortium")
    assert lakes.words.categories == ("Journal of Invented Lakes",)
    assert lakes.affiliations == ("Pond Institute https://ror.org/012345678", "University of the Lakes")
    assert lakes.published == datetime(2026, 11, 22, tzinfo=UTC)
    assert (lakes.day, lakes.announced) == (date(2026, 11, 23), "new")
    assert lakes.url == "https://doi.org/10.5555/lakes.2026.1"


def test_crossref_selects_by_creation_date() -> None:
    request = CROSSREF.requests(SINCE, None)
    assert request is not None
    query = parse_qs(urlsplit(request.url).query)
    assert query["filter"] == ["issn:1234-5679,issn:2049-3630,from-created-date:2026-11-22,from-pub-date:2025-11-22"]
    assert query["cursor"] == ["*"]
    assert "@" not in request.url
    assert "mailto" not in request.url


def test_crossref_ends_after_total() -> None:
    assert CROSSREF.parse(answer(work(), total=1)).next is None
    assert CROSSREF.parse(answer(work(), total=1, cursor=None)).next is None
    assert CROSSREF.parse(answer(work(), work(), total=9), "7@abc").next is None
    assert CROSSREF.parse(answer(total=0)) == Page(total=0)


@pytest.mark.parametrize(
    ("issued", "published"),
    [
        ([[2026, 11, 20]], date(2026, 11, 20)),
        ([[2026, 11]], date(2026, 11, 23)),
        ([[2026]], date(2026, 11, 23)),
        ([[2026, 9]], date(2026, 9, 1)),
        ([[2025]], date(2025, 1, 1)),
        ([[2027, 2]], date(2026, 11, 23)),
        ([[None]], date(2026, 11, 23)),
        ([], date(2026, 11, 23)),
        ([[2026, 13, 1]], date(2026, 11, 23)),
    ],
)
def test_crossref_reads_partial_missing_and_future_dates(issued: list[object], published: date) -> None:
    assert only(work(issued={"date-parts": issued})).published.date() == published


@pytest.mark.parametrize(
    ("relation", "other"),
    [
        (related("has-preprint", "10.48550/arXiv.2611.00001"), "arxiv:2611.00001"),
        (related("has-preprint", "2611.00001v2", id_type="arxiv"), "arxiv:2611.00001"),
        (related("has-preprint", "10.1101/2026.01.02.400001"), "doi:10.1101/2026.01.02.400001"),
        (related("has-preprint", "10.64898/2026.01.02.400001"), "doi:10.64898/2026.01.02.400001"),
        (related("has-preprint", "10.21203/rs.3.rs-1/v1"), "doi:10.21203/rs.3.rs-1/v1"),
        (related("has-preprint", "10.5555/unknown.server.1"), "doi:10.5555/unknown.server.1"),
        (related("is-version-of", "https://doi.org/10.1101/400001"), "doi:10.1101/400001"),
        (related("is-preprint-of", "10.5555/Journal.1"), "doi:10.5555/journal.1"),
    ],
)
def test_crossref_joins_preprint_and_article(relation: object, other: str) -> None:
    assert only(work(relation=relation)).ids == ("doi:10.5555/1", other)


@pytest.mark.parametrize(
    "relation",
    [
        related("has-preprint", "10.1101/2026.01.02.400001", "10.1101/2026.01.02.400002"),
        related("has-preprint", "10.1101/gr.123"),
        related("is-version-of", "10.5555/2"),
        related("is-preprint-of", "10.5555/2", "10.5555/3"),
        related("is-preprint-of", "https://example.org/x", id_type="uri"),
        related("references", "10.48550/arXiv.2611.00001"),
        related("is-supplement-to", "10.48550/arXiv.2611.00001"),
        {"has-preprint": "10.1101/400001"},
        {},
    ],
)
def test_crossref_does_not_join_ambiguous_relation(relation: object) -> None:
    assert only(work(relation=relation)).ids == ("doi:10.5555/1",)


def test_crossref_joins_versions_and_servers() -> None:
    versions = related("has-preprint", "10.21203/rs.3.rs-1/v1", "10.21203/rs.3.rs-1/v2", "10.48550/arXiv.2611.00001")
    assert only(work(relation=versions)).ids == (
        "doi:10.5555/1", "doi:10.21203/rs.3.rs-1/v1", "doi:10.21203/rs.3.rs-1/v2", "arxiv:2611.00001",
    )  # fmt: skip


def test_crossref_retraction_withdraws_its_work() -> None:
    notice = CROSSREF.parse(BODY).sightings[2]
    assert notice.ids == ("doi:10.5555/ponds.2019.7",)
    assert notice.words.title == "Ponds without water"
    assert (notice.withdrawn, notice.announced, notice.published) == (True, "replace", None)


def update(doi: str, kind: str) -> dict[str, object]:
    return {"DOI": doi, "type": kind}


def test_crossref_notice_and_work_agree_in_any_order() -> None:
    notice = work(DOI="10.5555/n", title=["Retraction note: T"], update_to=[update("10.5555/1", "retraction")])
    one = CROSSREF.parse(answer(work(), notice)).sightings
    assert one == CROSSREF.parse(answer(notice, work())).sightings
    assert [(s.ids, s.words.title, s.withdrawn) for s in one] == [(("doi:10.5555/1",), "T", True)]


def test_crossref_notice_retracts_several_works() -> None:
    both = work(DOI="10.5555/n", update_to=[update("10.5555/1", "retraction"), update("10.5555/2", "withdrawal")])
    found = CROSSREF.parse(answer(both)).sightings
    assert [(one.ids, one.withdrawn) for one in found] == [(("doi:10.5555/1",), True), (("doi:10.5555/2",), True)]


def test_crossref_retraction_without_title_names_paper() -> None:
    notice = work(DOI="10.5555/n", title=["Retraction notice"], update_to=[update("10.5555/1", "retraction")])
    assert only(notice).words.title == "Retracted paper doi:10.5555/1"


@pytest.mark.parametrize(
    ("title", "subtitle", "whole"),
    [
        ("Ponds", ["Ice on <i>water</i>"], "Ponds: Ice on water"),
        ("Why ponds?", ["A review"], "Why ponds? A review"),
        ("Ponds: a review", ["A review"], "Ponds: a review"),
        ("Ponds: a review", ["<i>A</i>  Review."], "Ponds: a review"),
        ("Ice on small ponds", ["ICE ON PONDS IN MAY"], "Ice on small ponds"),
        ("Ice on small ponds", ["Rue et al."], "Ice on small ponds"),
        ("Ponds", ["COVID-19 and after"], "Ponds: COVID-19 and after"),
        ("Ponds", ["(718982007-001)"], "Ponds"),
        ("Ponds", [], "Ponds"),
        ("Ponds of <scp>ice</scp> &amp;amp; snow", [""], "Ponds of ice & snow"),
    ],
)
def test_crossref_title_has_subtitle(title: str, subtitle: list[str], whole: str) -> None:
    assert only(work(title=[title], subtitle=subtitle)).words.title == whole


def test_crossref_work_retracted_in_place_is_withdrawn() -> None:
    assert only(work(update_to=[update("10.5555/1", "retraction")])).withdrawn
    retracted = only(work(title=["RETRACTED ARTICLE: Ponds"]))
    assert (retracted.withdrawn, retracted.words.title, retracted.announced) == (True, "Ponds", "replace")
    assert not only(work(title=["Retracted wings in beetles"])).withdrawn


@pytest.mark.parametrize("kind", ["correction", "erratum", "corrigendum", "addendum", "expression_of_concern"])
def test_crossref_skips_corrections(kind: str) -> None:
    page = CROSSREF.parse(answer(work(update_to=[update("10.5555/2", kind)])))
    assert page == Page(next="1@abc+/=", total=9)


def test_crossref_skips_correction_that_names_no_work() -> None:
    assert CROSSREF.parse(answer(work(title=["Correction: Lakes"], abstract="<jats:p/>"))).sightings == ()
    assert only(work(title=["Correction: a theory"], abstract="<jats:p>We correct.</jats:p>")).ids
    assert only(work(title=["Error correction to the rescue"])).ids


@pytest.mark.parametrize("kind", ["journal-issue", "journal", "component", "peer-review"])
def test_crossref_skips_volumes(kind: str) -> None:
    page = CROSSREF.parse(answer(work(type=kind, title=[])))
    assert (page.sightings, page.rejects) == ((), ())


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("<jats:sec><jats:title>Background</jats:title><jats:p>A</jats:p></jats:sec>", "Background A"),
        ("<title>Summary.</title><p>A<br/>B</p>", "A B"),
        ('<jats:title id="a1">Abstract</jats:title><jats:p id="a2">A</jats:p>', "A"),
        ("x<sup>2</sup> &lt; y &amp; z", "x2 < y & z"),
        ("n < m and p > q", "n < m and p > q"),
        ("a<b and c>d", "a<b and c>d"),
        ('<jats:ext-link xlink:href="https://example.org">here</jats:ext-link>', "here"),
        ("<tex-math>$x$</tex-math>", "$x$"),
        ("<inline-formula><tex-math>$x$</tex-math><mml:math><mml:mi>x</mml:mi></mml:math></inline-formula>", "x"),
    ],
)
def test_jats_to_text_removes_markup(marked: str, plain: str) -> None:
    assert " ".join(jats_to_text(marked).split()) == plain


@pytest.mark.parametrize(
    ("marked", "spaced"),
    [
        ("with<i>Daphnia</i>and", "with <i>Daphnia</i> and"),
        ("so.<jats:italic>D.</jats:italic>(small) of<i>x</i>", "so. <jats:italic>D.</jats:italic> (small) of <i>x</i>"),
        ("of<i>A</i>, CO<sub>2</sub>in H<sub>2</sub>O", "of <i>A</i>, CO<sub>2</sub> in H<sub>2</sub>O"),
        ("the <i>cis</i>platin of<i>A</i>", "the <i>cis</i>platin of<i>A</i>"),
        ("<i>cis</i>platin", "<i>cis</i>platin"),
        ("(<i>in vitro</i>)", "(<i>in vitro</i>)"),
    ],
)
def test_with_spaces_restores_what_was_dropped(marked: str, spaced: str) -> None:
    assert with_spaces(marked) == spaced


@pytest.mark.parametrize(
    ("title", "about"),
    [
        ("Retraction: Ponds", "Ponds"),
        ("RETRACTION NOTE TO: Ponds", "Ponds"),
        ("Withdrawal of Ponds", "Ponds"),
        ("Retraction – Ponds", "Ponds"),
        ("Retraction", ""),
        ("Retraction notice.", ""),
        ("Notice of Retraction: Ponds", "Ponds"),
        ("Statement of retraction: Ponds.", "Ponds"),
        ("Retraction notice to “Ponds without water” [J. Lakes 12 (2026) 34-56]", "Ponds without water"),
        ("Retraction for Rue et al., “Ponds without water”", "Ponds without water"),
        ("[Retracted] Ponds", "Ponds"),
        ("Ponds and their retraction of water", "Ponds and their retraction of water"),
    ],
)
def test_retracted_title_reads_notice(title: str, about: str) -> None:
    assert retracted_title(title) == about
