"""Run the contract of an import format over the registry."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.domain.paper import TITLE_MAX
from digestd.errors import BadInput, SourceFailed
from digestd.sources.imports import BYTES_MAX, ENTRIES_MAX, IMPORT_FORMATS, ReferenceFile, detect_format
from digestd.sources.source import Page


def _id(value: str, relationship: str) -> dict[str, str]:
    return {"external-id-value": value, "external-id-relationship": relationship}


ZOTERO = [
    {"key": "A", "data": {"itemType": "attachment", "title": "lakes.pdf"}},
    {
        "key": "B",
        "data": {
            "itemType": "preprint",
            "title": "Lakes <i>freeze</i>",
            "abstractNote": "They do.",
            "creators": [
                {"creatorType": "author", "firstName": "Ann", "lastName": "Rue"},
                {"creatorType": "editor", "firstName": "Not", "lastName": "Her"},
            ],
            "archiveID": "arXiv:2611.70001",
            "date": "2026-11-20",
            "tags": [{"tag": "ice"}],
        },
    },
    {"key": "C", "data": {"itemType": "preprint", "title": ""}},
]
ORCID = {
    "group": [
        {
            "work-summary": [
                {
                    "title": {"title": {"value": "Lakes freeze"}},
                    "external-ids": {
                        "external-id": [
                            _id("10.5555/book", "part-of"),
                            _id("10.48550/arXiv.2611.70001", "self"),
                        ]
                    },
                    "publication-date": {"year": {"value": "2026"}, "month": {"value": "11"}, "day": {"value": "20"}},
                }
            ]
        },
        {"work-summary": [{"title": None}]},
    ]
}  # fmt: skip
CSL = [
    {
        "type": "article",
        "title": "Lakes freeze",
        "abstract": "<jats:p>They do.</jats:p>",
        "author": [{"given": "Ann", "family": "Rue"}],
        "URL": "https://arxiv.org/abs/2611.70001v2",
        "issued": {"date-parts": [["2026", 11, 20]]},
    },
    "no item",
]
SAMPLES = {
    "opml": '<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0"><head/><body><outline text="Ice">'
    '<outline type="rss" xmlUrl="https://journal.example.org/lakes.rss"/></outline></body></opml>',
    "zotero": json.dumps(ZOTERO),
    "orcid": json.dumps(ORCID),
    "csl-json": json.dumps(CSL),
    "bibtex": "@article{a, title={Lakes freeze}, author={Rue, Ann}, abstract={They do.}, eprint={2611.70001},"
    " date={2026-11-20}}\n@article{b, author={Nobody}}\n",
    "ris": "TY  - JOUR\r\nTI  - Lakes freeze\r\nAB  - They\r\ndo.\r\nAU  - Rue, Ann\r\nDA  - 2026/11/20\r\n"
    "UR  - https://arxiv.org/abs/2611.70001\r\nER  - \r\n\r\nTY  - JOUR\r\nAU  - Nobody\r\nER  - \r\n",
    "ids": "# mine\n2611.70001 # lakes\nhttps://ponds.example.org/4\n",
    "abstracts": "Lakes freeze\nThey\ndo.\n\n\nA title alone\n",
}
"""One good entry, but for OPML, and one that is broken."""


def read(text: str, form: str = "") -> Page:
    return ReferenceFile(form).parse(text.encode())


def test_import_formats_have_samples() -> None:
    assert set(SAMPLES) == set(IMPORT_FORMATS)


@pytest.mark.parametrize("form", IMPORT_FORMATS)
def test_detect_format_recognises_samples(form: str) -> None:
    assert detect_format(SAMPLES[form]) == form
    assert read(SAMPLES[form]) == read(SAMPLES[form], form)


@pytest.mark.parametrize("form", [form for form in IMPORT_FORMATS if form != "opml"])
def test_reference_file_keeps_good_and_names_broken_entry(form: str) -> None:
    page = read(SAMPLES[form])
    (paper,), (reject,) = page.sightings, page.rejects
    assert reject.where
    assert reject.field
    assert reject.message
    if form != "abstracts":
        assert paper.ids == ("arxiv:2611.70001",)
    if form != "ids":
        assert paper.words.title == "Lakes freeze"
    if form not in {"ids", "orcid"}:
        assert paper.words.abstract == "They do."
    if form not in {"ids", "orcid", "abstracts"}:
        assert paper.words.authors == ("Ann Rue",)
    if form not in {"ids", "abstracts"}:
        assert paper.published == datetime(2026, 11, 20, tzinfo=UTC)


def test_opml_feed_is_rejected_with_remedy() -> None:
    page = read(SAMPLES["opml"])
    assert page.sightings == ()
    assert "digestd source add 'feed:https://journal.example.org/lakes.rss'" in page.rejects[0].message


@pytest.mark.parametrize("form", IMPORT_FORMATS)
def test_reference_file_refuses_other_format(form: str) -> None:
    with suppress(SourceFailed):
        assert read("{", form).rejects


@pytest.mark.parametrize("form", IMPORT_FORMATS)
@settings(max_examples=60)
@given(data=st.data())
def test_reference_file_hostile_bytes_stay_within_limits(form: str, data: st.DataObject) -> None:
    sample = SAMPLES[form].encode()
    at = data.draw(st.integers(0, len(sample)))
    body = data.draw(
        st.binary(max_size=200) | st.binary(max_size=20).map(lambda junk: sample[:at] + junk + sample[at:])
    )
    for asked in ("", form):
        with suppress(SourceFailed):
            for paper in ReferenceFile(asked).parse(body).sightings:
                assert len(paper.words.title) <= TITLE_MAX
                assert paper.ids


@pytest.mark.parametrize("form", ["zotero", "orcid", "csl-json"])
@settings(max_examples=40)
@given(
    data=st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["data", "title", "group", "items", "work-summary", "creators", "issued", "date-parts"]
                ),
                inner,
            )
        ),
        max_leaves=20,
    )
)
def test_reference_file_any_json_gives_rejects(form: str, data: object) -> None:
    with suppress(SourceFailed):
        read(json.dumps([data]), form)
    with suppress(SourceFailed):
        read(json.dumps(data), form)


def test_reference_file_limits_name_remedy() -> None:
    with pytest.raises(SourceFailed, match="larger than 1 MiB; split it"):
        ReferenceFile().parse(b"x" * (BYTES_MAX + 1))
    with pytest.raises(SourceFailed, match="more than 5,000 entries; split it"):
        read("\n".join(f"2611.{n:05}" for n in range(ENTRIES_MAX + 1)))
    assert len(read("\n".join(f"2611.{n:05}" for n in range(ENTRIES_MAX))).sightings) == ENTRIES_MAX
    with pytest.raises(SourceFailed, match="is empty"):
        read(" \n")
    with pytest.raises(SourceFailed, match="not UTF-8"):
        ReferenceFile().parse(b"caf\xe9")
    with pytest.raises(BadInput, match="known are opml"):
        ReferenceFile("endnote")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("arXiv:2611.70001v3", "arxiv:2611.70001"),
        ("https://arxiv.org/pdf/2611.70001v3.pdf?download=1", "arxiv:2611.70001"),
        ("https://doi.org/10.5555/Lakes(1,2);3", "doi:10.5555/lakes(1,2);3"),
        ("https://publisher.example.org/doi/abs/10.5555/lakes.1", "doi:10.5555/lakes.1"),
        ("https://www.biorxiv.org/content/10.1101/2026.11.20.700001v2.full.pdf", "doi:10.1101/2026.11.20.700001"),
    ],
)
def test_parse_identifier_reads_every_form(written: str, name: str) -> None:
    assert [paper.ids for paper in read(f"{written},\n").sightings] == [(name,)]


def test_reference_file_reads_utf_16() -> None:
    assert ReferenceFile().parse("Lakes freeze\r\nThey do.".encode("utf-16")).sightings[0].words.title == "Lakes freeze"
