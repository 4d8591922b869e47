"""Test arXiv's OAI-PMH interface."""

from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.errors import SourceFailed
from digestd.sources import parse_source
from digestd.sources.arxiv.api import is_withdrawn
from digestd.sources.arxiv.oai import ArxivOai, oai_set

BODY = (Path(__file__).parent / "samples" / "arxiv-oai.xml").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
OAI = parse_source("arxiv-oai:cs.LG+stat.ML")
TOKEN = "from(2026-11-24)skip(3)&set(cs:cs:LG)"


def answer(*records: str, token: str = "") -> bytes:
    listed = f"<ListRecords>{''.join(records)}<resumptionToken>{token}</resumptionToken></ListRecords>"
    return f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{listed}</OAI-PMH>'.encode()


def record(number: str, created: str = "2026-11-20", changed: str = "2026-11-24", more: str = "") -> str:
    return f"""<record><header><identifier>oai:arXiv.org:{number}</identifier><datestamp>{changed}</datestamp></header>
        <metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{number}</id><created>{created}</created>
        <title>T</title>{more}</arXiv></metadata></record>"""


def error(code: str, said: str = "") -> bytes:
    return (
        f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="{code}">{said}</error></OAI-PMH>'.encode()
    )


def query(source: ArxivOai, cursor: str | None = None) -> dict[str, str]:
    request = source.requests(SINCE, cursor)
    assert request is not None
    assert request.fresh
    return {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}


def announced(number: str, created: str, changed: str = "2026-11-24") -> str:
    (sighting,) = OAI.parse(answer(record(number, created, changed))).sightings
    return sighting.announced


def test_arxiv_oai_parses_every_field() -> None:
    first, old, withdrawn = OAI.parse(BODY).sightings
    assert first.ids == ("arxiv:2611.30001", "doi:10.5555/lakes.30001")
    assert first.words.title == "On lakes where $a<b$ and $c>d$"
    assert first.words.abstract == "We let $n < m$ lakes freeze. The rest & the sea do not."
    assert first.words.authors == ("Zoë Ångström", "Bo Li Jr.", "Lake Survey Group")
    assert first.words.categories == ("cs.LG", "stat.ML")
    assert first.published == datetime(2026, 11, 20, tzinfo=UTC)
    assert first.links == {"pdf": "https://arxiv.org/pdf/2611.30001"}
    assert (first.announced, first.day, first.version, first.withdrawn) == ("new", date(2026, 11, 24), None, False)
    assert (old.ids, old.announced, old.published) == (
        ("arxiv:math/0309136",),
        "replace",
        datetime(2003, 9, 7, tzinfo=UTC),
    )
    assert withdrawn.withdrawn


def test_arxiv_oai_requests_from_a_day_before_last_run() -> None:
    asked = {"verb": "ListRecords", "metadataPrefix": "arXiv", "from": "2026-11-22"}
    source = ArxivOai(("cs.LG", "hep-th"))
    assert query(source) == {**asked, "set": "cs:cs:LG"}
    assert query(source, "1") == {**asked, "set": "physics:hep-th"}
    assert source.requests(SINCE, "2") is None


def test_arxiv_oai_for_days_is_closed_range() -> None:
    source = ArxivOai(("cs.LG",), first=date(2026, 11, 17), until=date(2026, 11, 20))
    assert (query(source)["from"], query(source)["until"]) == ("2026-11-17", "2026-11-20")
    assert source.name == "arxiv-oai:cs.LG"


def test_arxiv_oai_token_is_sent_alone() -> None:
    page = OAI.parse(BODY)
    assert page.next == f"0:{TOKEN}"
    assert query(ArxivOai(("cs.LG",)), page.next) == {"verb": "ListRecords", "resumptionToken": TOKEN}


def test_arxiv_oai_next_category_follows_last_page() -> None:
    assert OAI.parse(answer(record("2611.00001"))).next == "1"
    assert OAI.parse(answer(record("2611.00001")), "0:x").next == "1"
    assert OAI.parse(answer(record("2611.00001"), token="more"), "1").next == "1:more"
    assert OAI.parse(answer(record("2611.00001")), "1:more").next is None


def test_arxiv_oai_no_records_match_is_empty_page() -> None:
    page = OAI.parse(error("noRecordsMatch"))
    assert (page.sightings, page.rejects, page.next) == ((), (), "1")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("badResumptionToken", "the next ingest starts again"),
        ("badArgument", "badArgument no such day"),
        ("", "of no name"),
    ],
)
def test_arxiv_oai_error_fails(code: str, said: str) -> None:
    with pytest.raises(SourceFailed, match=said):
        OAI.parse(error(code, "no such\n day"))


@pytest.mark.parametrize(
    ("category", "named"),
    [
        ("cs.AI", "cs:cs:AI"),
        ("stat.ML", "stat:stat:ML"),
        ("q-bio.NC", "q-bio:q-bio:NC"),
        ("hep-th", "physics:hep-th"),
        ("astro-ph.CO", "physics:astro-ph:CO"),
        ("cond-mat.mes-hall", "physics:cond-mat:mes-hall"),
        ("physics.ao-ph", "physics:physics:ao-ph"),
        ("math-ph", "physics:math-ph"),
        ("nlin.CD", "physics:nlin:CD"),
        ("cs", "cs"),
        ("math", "math"),
        ("physics", "physics:physics"),
    ],
)
def test_oai_set_names_group_and_archive(category: str, named: str) -> None:
    assert oai_set(category) == named


def test_arxiv_oai_late_change_is_not_new() -> None:
    assert announced("2611.00001", "2026-11-23") == "new"
    assert announced("2611.00001", "2026-11-14") == "new"
    assert announced("2611.00001", "2026-11-13") == "replace"
    assert announced("2610.00001", "2026-10-29", "2026-11-02") == "new"


def test_arxiv_oai_old_id_is_not_new() -> None:
    assert announced("2305.00001", "2026-11-22") == "replace"
    assert announced("hep-th/9901001", "2026-11-22") == "replace"
    (sighting,) = OAI.parse(answer(record("2305.00001", "2026-11-22"))).sightings
    assert sighting.published == datetime(2023, 5, 31, tzinfo=UTC)


def test_arxiv_oai_counts_deleted_records() -> None:
    gone = '<record><header status="deleted"><identifier>oai:arXiv.org:2611.9</identifier></header></record>'
    page = OAI.parse(answer(gone, gone, record("2611.00001")))
    assert len(page.sightings) == 1
    assert [(r.where, r.field) for r in page.rejects] == [("2 records", "metadata")]
    assert OAI.parse(answer(gone)).sightings == ()


def test_arxiv_oai_rejects_bad_record_with_reason() -> None:
    bad = [record("2611.00002", created="soon"), record("x"), record("2611.00003", changed="0001-01-01")]
    good = [record(f"2611.1000{number}") for number in range(4)]
    page = OAI.parse(answer(*bad, *good))
    assert len(page.sightings) == 4
    assert [(r.where, r.field) for r in page.rejects] == [
        ("oai:arXiv.org:2611.00002", "created"),
        ("oai:arXiv.org:x", "id"),
        ("oai:arXiv.org:2611.00003", "datestamp"),
    ]


def test_arxiv_oai_truncated_page_is_requested_again() -> None:
    body = answer(record("2611.00001"), record("2611.00002"), record("2611.00003"), token="more")
    page = OAI.parse(body[: body.index(b"2611.00003")], "0:before")
    assert [sighting.ids[0] for sighting in page.sightings] == ["arxiv:2611.00001", "arxiv:2611.00002"]
    assert page.next == "0:before"
    assert "malformed XML" in page.rejects[0].message


def test_arxiv_oai_removes_forbidden_xml_characters() -> None:
    body = answer(record("2611.00001"), record("2611.00002", more="<abstract>a\x01b ?</abstract>"))
    page = OAI.parse(body.replace(b"?", b"\xff"))
    assert [sighting.words.abstract for sighting in page.sightings] == ["", "a b \ufffd"]
    assert (page.rejects, page.next) == ((), "1")


def test_arxiv_oai_reports_too_many_records() -> None:
    page = OAI.parse(answer(*(record(f"2611.{number:05}") for number in range(1, 5_002)), token="more"))
    assert (len(page.sightings), page.next) == (5_000, "0:more")
    assert "more than 5000 records" in page.rejects[0].message


def test_arxiv_oai_accepts_prefixed_names() -> None:
    body = answer(record("2611.00001")).replace(b"<OAI-PMH xmlns=", b"<OAI-PMH xmlns:o=")
    for name in (b"OAI-PMH", b"ListRecords", b"record", b"header", b"identifier", b"datestamp", b"metadata"):
        body = body.replace(b"<" + name, b"<o:" + name).replace(b"</" + name, b"</o:" + name)
    assert OAI.parse(body).sightings == OAI.parse(answer(record("2611.00001"))).sightings


def test_arxiv_oai_announcement_time_is_late_evening() -> None:
    assert ArxivOai(("cs.LG",)).announcement_time(date(2026, 11, 24)) == datetime(2026, 11, 24, 4, tzinfo=UTC)
    assert ArxivOai(("cs.LG",)).announcement_time(date(2026, 11, 22)) is None


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
_TAGS = [
    *("OAI-PMH", "ListRecords", "record", "header", "metadata", "arXiv", "id", "created", "datestamp"),
    *("title", "authors", "author", "keyname", "resumptionToken", "error"),
]
_XML = st.recursive(
    _TEXT.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;")),
    lambda inner: st.tuples(st.sampled_from(_TAGS), st.lists(inner, max_size=4)).map(
        lambda made: f"<{made[0]}>{''.join(made[1])}</{made[0]}>"
    ),
    max_leaves=30,
)


@given(st.lists(_XML, max_size=4))
def test_arxiv_oai_reads_or_refuses_any_xml(parts: list[str]) -> None:
    for body in ("".join(parts), f"<OAI-PMH>{''.join(parts)}</OAI-PMH>", f"<OAI-PMH><ListRecords>{''.join(parts)}"):
        try:
            OAI.parse(body.encode())
        except SourceFailed:
            continue


@pytest.mark.parametrize(
    "comment",
    [
        "This paper has been withdrawn by the author due to a crucial error in equation 3",
        "Withdrawn",
        "withdrawn by the authors.",
        "Withdrawn due to an error in the proof",
        "WITHDRAWN: superseded",
        "Paper withdrawn",
        "[Withdrawn] 12 pages",
        "The paper has been withdrawn.",
        "The authors have withdrawn this paper",
        "12 pages. This paper has been withdrawn",
        "This paper is temporarily withdrawn for revision",
        "This submission has been withdrawn by arXiv administrators due to disputed authorship",
        "arXiv admin note: submission has been withdrawn by arXiv administrators",
        "This version has an error. This article has now been retracted",
        "Retracted by the author",
        "Withdrawn from arXiv",
    ],
)
def test_is_withdrawn_detects_comment(comment: str) -> None:
    assert is_withdrawn(comment, "We find ponds.")


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "12 pages, 3 figures",
        "We withdraw cash from ponds",
        "withdrawn water levels included",
        "Water withdrawn by the pumps is measured",
        "This paper replaces 2401.00001, which was withdrawn",
        "This paper has not been withdrawn",
        "Withdrawn from the conference by mistake; accepted now",
        "This paper was withdrawn from a workshop and is under review",
        "Comments on the retracted claims of others",
        "A study of papers withdrawn from arXiv",
    ],
)
def test_is_withdrawn_ignores_other_uses_of_the_word(comment: str) -> None:
    assert not is_withdrawn(comment, "We find ponds.")


@pytest.mark.parametrize(
    ("abstract", "withdrawn"),
    [
        ("This paper has been withdrawn by the author.", True),
        ("  This manuscript has been withdrawn due to an error.", True),
        ("Withdrawn by the authors", True),
        ("Paper withdrawn.", True),
        ("We ask why a paper is withdrawn. This paper has been withdrawn by nobody.", False),
        ("Withdrawn consent is studied with 12 subjects.", False),
        ("Retracted papers keep being cited. We show why.", False),
        ("When people withdraw cash they hurry.", False),
    ],
)
def test_is_withdrawn_checks_start_of_abstract_only(abstract: str, withdrawn: bool) -> None:
    assert is_withdrawn("12 pages", abstract) is withdrawn
