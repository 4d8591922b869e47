"""Run the contract of an import format over the registry."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.domain.paper import TITLE_MAX
from digestd.errors import BadInput, SourceFailed
from digestd.sources.imports import BYTES_MAX, ENTRIES_MAX, IMPORT_FORMATS, ReferenceFile, detect_format
from digestd.sources.source import Page

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
    "csl-json": json.dumps(CSL),
    "bibtex": "@article{a, title={Lakes freeze}, author={Rue, Ann}, abstract={They do.}, eprint={2611.70001},"
    " date={2026-11-20}}\n@article{b, author={Nobody}}\n",
    "ris": "TY  - JOUR\r\nTI  - Lakes freeze\r\nAB  - They\r\ndo.\r\nAU  - Rue, Ann\r\nDA  - 2026/11/20\r\n"
    "UR  - https://arxiv.org/abs/2611.70001\r\nER  - \r\n\r\nTY  - JOUR\r\nAU  - Nobody\r\nER  - \r\n",
    "medline": "\nPMID- 700001\nOWN - NLM\nTI  - Lakes\n      freeze.\nLID - 10.48550/arXiv.2611.70001 [doi]\n"
    "AB  - They\n      do.\nFAU - Rue, Ann\nAU  - Rue A\nDP  - 2026 Nov 20\n\nOWN - NLM\nAU  - Nobody A\n",
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
        assert "arxiv:2611.70001" in paper.ids
    if form != "ids":
        assert paper.words.title == "Lakes freeze"
    if form != "ids":
        assert paper.words.abstract == "They do."
    if form not in {"ids", "abstracts"}:
        assert paper.words.authors == ("Ann Rue",)
    if form not in {"ids", "abstracts"}:
        assert paper.published == datetime(2026, 11, 20, tzinfo=UTC)


def test_opml_feed_is_rejected_with_remedy() -> None:
    page = read(SAMPLES["opml"])
    assert page.sightings == ()
    assert "digestd source add 'feed:https://journal.example.org/lakes.rss'" in page.rejects[0].message


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


@pytest.mark.parametrize("form", ["zotero", "csl-json"])
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
    with pytest.raises(SourceFailed, match="larger than 20 MB; split it"):
        ReferenceFile().parse(b"x" * (BYTES_MAX + 1))
    with pytest.raises(SourceFailed, match="more than 20,000 entries; split it"):
        read("\n".join(f"2611.{n:05}" for n in range(ENTRIES_MAX + 1)))
    assert len(read("\n".join(f"2611.{n:05}" for n in range(ENTRIES_MAX))).sightings) == ENTRIES_MAX
    with pytest.raises(SourceFailed, match="is empty"):
        read(" \n")
    with pytest.raises(SourceFailed, match="not UTF-8"):
        ReferenceFile().parse(b"caf\xe9")
    with pytest.raises(BadInput, match="known are opml"):
        ReferenceFile("endnote")


@pytest.mark.parametrize("form", ["medline", "csl-json"])
def test_whole_library_is_read_in_every_format(form: str) -> None:
    begin, record, end = {
        "medline": ("", "PMID- {}\nTI  - Lakes\n\n", ""),
        "csl-json": ("[", '{{"title": "Lakes {}"}},', '{{"title": "Ponds"}}]'.format()),
    }[form]
    for most in (6_000, ENTRIES_MAX + 1):
        text = begin + "".join(map(record.format, range(1, most + (form != "csl-json")))) + end
        if most > ENTRIES_MAX:
            with pytest.raises(SourceFailed, match="more than 20,000 entries"):
                read(text, form)
        else:
            page = read(text, form)
            assert (len(page.sightings), page.rejects) == (most, ())


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


def test_reference_file_ignores_bad_optional_fields() -> None:
    files = {
        "bibtex": "@article{a, title={Lakes freeze}, title={Twice}, author={Rue, Ann}, doi={n/a}, year={soon}}",
        "ris": "TY  - JOUR\nTI  - Lakes freeze\nAU  - Rue, Ann\nDO  - n/a\nDO  - none\nPY  - soon\nER  - ",
        "csl-json": '[{"title": "Lakes freeze", "author": [{"literal": "Ann Rue"}, 7], "DOI": 5, "issued": 3}]',
        "zotero": '[{"itemType": "x", "title": "Lakes freeze", "creators": [{"name": "Ann Rue"}], "tags": 3}]',
    }
    for form, text in files.items():
        page = read(text)
        assert not page.rejects, form
        assert page.sightings[0].words.title == "Lakes freeze"
        assert page.sightings[0].words.authors == ("Ann Rue",)
        assert page.sightings[0].ids[0].startswith("feed:")


@pytest.mark.parametrize("form", [form for form in SAMPLES if form not in {"opml", "ids", "abstracts"}])
def test_identifier_without_title_is_a_paper(form: str) -> None:
    page = read(re.sub(r"Lakes\s*(<i>)?freeze(</i>)?", "", SAMPLES[form]))
    assert "arxiv:2611.70001" in page.sightings[0].ids
    assert page.sightings[0].words.title == ""


@pytest.mark.parametrize(
    "written",
    [
        "10.5555/Lakes(1)2",
        "DOI: 10.5555/lakes(1)2.",
        "http://dx.doi.org/10.5555/lakes(1)2",
        "https://doi.org/10.5555%2Flakes(1)2",
        "(see 10.5555/lakes(1)2)",
        "10.5555/lakes(1)2 [doi]",
        "\nM3  - doi: 10.5555/lakes(1)2",
        "10.5555/lakes%281%292",
        "doi:10.5555%252Flakes%25281%25292",
    ],
)
def test_ris_doi_in_any_form(written: str) -> None:
    assert read(f"TY  - JOUR\nDO  - {written}\nER  - ").sightings[0].ids == ("doi:10.5555/lakes(1)2",)


@pytest.mark.parametrize(("written", "ids"), [
    ('[{"DOI": "10.5555/lakes%281%292"}]', ("doi:10.5555/lakes(1)2",)),
    ("@article{a, url={https://x.example.org/doi/10.5555/lakes%281%292}}", ("doi:10.5555/lakes(1)2",)),
    ("10.5555/lakes%281%292", ("doi:10.5555/lakes(1)2",)),
    ("TY  - JOUR\nTI  - Lakes\nUR  - https://doi.org/10.5555/a%00b\nER  - ", None),
])  # fmt: skip
def test_doi_is_decoded_in_every_field(written: str, ids: tuple[str, ...] | None) -> None:
    found = read(written).sightings[0].ids
    assert found == ids or (ids is None and found[0].startswith("feed:"))


def test_medline_of_pmc_has_one_paper_per_record() -> None:
    text = "PMC - PMC700001\nPMID- 700001\nTI  - Lakes freeze\nAU  - Rue A\n"
    page = read(f"{text}\n{text.replace('700001', '700002')}PMID- 700003\nPMC - PMC700003\nTI  - Ponds\n")
    assert not page.rejects
    assert [sighting.ids for sighting in page.sightings] == [
        (f"pmid:{number}", f"pmcid:PMC{number}") for number in (700001, 700002, 700003)
    ]


def test_corporate_author_keeps_its_commas() -> None:
    text = "PMID- 1\nTI  - Lakes freeze\nFAU - Rue, Ann\nCN  - Ponds, Lakes and Rivers Group\nFAU - Li, Bo\n"
    assert read(text).sightings[0].words.authors == ("Ann Rue", "Ponds, Lakes and Rivers Group", "Bo Li")


def test_bibtex_joins_strings_and_finds_missing_comma() -> None:
    text = (
        '@string{l = "Lakes"}\n@string(and = " and ")\n'
        '@article{a, title = l # " freeze", subtitle = {Over water}, author = "Rue, Ann" # and # {Li, Bo and others}}'
    )
    assert read(text).sightings[0].words.title == "Lakes freeze: Over water"
    assert read(text).sightings[0].words.authors == ("Ann Rue", "Bo Li")
    text = "@article{a,\n title = {Lakes freeze}\n author = {Rue, Ann}\n doi = {10.5555/1}\n}"
    paper = read(text).sightings[0]
    assert (paper.words.title, paper.words.authors, paper.ids) == ("Lakes freeze", ("Ann Rue",), ("doi:10.5555/1",))


def test_unknown_encoding_of_opml_is_ignored() -> None:
    text = SAMPLES["opml"].replace('<?xml version="1.0" encoding="UTF-8"?>', '<?xml version="1.0"\x0bencoding="U"?>')
    with suppress(SourceFailed):
        assert len(read(text).rejects) == 1


NOT_READ = {
    "RDF": '<?xml version="1.0"?>\n<rdf:RDF xmlns:rdf="x">\n<z:x>Lakes</z:x>\n</rdf:RDF>',
    "a web page": "<!DOCTYPE html>\n<html><body>\nLakes\nfreeze</body></html>",
    "Crossref XML": '<?xml version="1.0"?>\n<doi_records>\n<x/>\n</doi_records>',
    "MARC XML": '<record xmlns="http://www.loc.gov/MARC21/slim">\n<x/>\n</record>',
    "MARC": "00841cam a2200285Ma 4500\nLakes\nfreeze",
    "XML (<lakes>)": '<?xml version="1.0"?>\n<lakes>\n</lakes>',
    "XML (<ponds>)": "<a:ponds>\n<lake/>\n</a:ponds>\n",
    "CITATION.cff": "cff-version: 1.2.0\ntitle: Lakes\nauthors:\n  - family-names: Rue",
    "a table": "Key,Item Type,Title,Author,DOI\n1,article,Lakes freeze,Rue,10.5555/1",
    "a table, of other columns": 'id,display_name,"cited by",type\n1,Lakes freeze,3,article',
    "Dimensions' table": '"About the data: Exported on Nov 24, 2026. Criteria: ice in title."\n'
    "Rank,Publication ID,DOI,Title,Source title/Anthology title,PubYear\n1,pub.1,10.5555/1,Lakes freeze,Lakes,2026",
    "Dimensions' table, without its first line": "Rank,Publication ID,Title,Dimensions URL\n1,pub.1,Lakes,https://x.org",
    "Embase's table": "Title,Author Names,Source,Embase Accession ID\nLakes freeze,Rue A.,Lakes,700001",
    "ASReview's table": "Unnamed: 0,title,abstract,label_included\n0,Lakes freeze,They do.,1",
    "Scopus' table": '"Authors","Author(s) ID","Title","Year","EID"\n"Rue A.","1;","Lakes freeze","2026","2-s2.0-1"',
    "a table, of unknown columns": "Our number;What it says;Who wrote it\n1;Lakes freeze, they do;Rue",
    "a table, with a DOI first": "DOI,Name of it,Who\n10.5555/1,Lakes freeze,Rue\n10.5555/2,Ponds freeze,Rue",
    "a table, separated by tabs": "Paper name\tWho wrote it\tWhen\nLakes freeze\tRue\t2026",
    "PubMed's text": "1. Lakes J. 2026;1:2.\n\nLakes freeze.\n\nAuthor information:\n(1)Pond House.\n\nPMID: 700001",
    "Ovid's text": "<1. >\nVN  - Ovid Technologies\nTI  - Lakes freeze.  [Article]\nAU  - Rue, Ann MD, PhD 1,*\n",
    "Ovid's text, with long labels": "<1>\nAccession Number\n  1\nTitle\n  Lakes freeze",
    "RefWorks' text": "RT Journal Article\nSR Electronic(1)\nA1 Rue,Ann\nT1 Lakes freeze\nAB They do.\nYR 2026\n",
    "MODS": '<mods xmlns="http://www.loc.gov/mods/v3"><titleInfo><title>Lakes freeze</title></titleInfo></mods>',
    "Web of Science's text": "FN Web of Science\nVR 1.0\nPT J\nAU Rue, A\nTI Lakes\n   freeze\nER\n\nEF\n",
    "Web of Science's text, without its head": "PT J\nAU Rue, A\nTI Lakes\n   freeze\nER\n",
    "EndNote's .enw": "%0 Journal Article\n%T Lakes freeze\n%A Rue, Ann\n%X They\n\ndo.\n",
    "EndNote's .enw, without type": "%T Lakes freeze\n%A Rue, Ann\n",
    "EndNote XML": "<xml><records><record><titles><title>Lakes</title></titles></record></records></xml>",
    "PubMed XML": '<?xml version="1.0"?><!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD" "http://x">'
    "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>7</PMID></MedlineCitation></PubmedArticle></PubmedArticleSet>",
    "ORCID JSON": '{"group": [{"work-summary": [{"title": {"title": {"value": "Lakes freeze"}}}]}]}',
    "ORCID JSON, of a record": '{"orcid-identifier": {}, "activities-summary": {"works": {"group": []}}}',
    "LaTeX": "\\begin{thebibliography}{9}\n\\bibitem{a} Rue, Lakes freeze.",
    "an e-mail": "From: Ann\nSubject: Lakes\n\nLakes freeze\nThey do.",
    "PDF": "%PDF-1.7\nLakes\nfreeze",
    "OpenAlex JSON": '{"results": [{"title": "Lakes freeze"}]}',
    "DataCite JSON": '{"id": "x", "titles": [{"title": "Lakes freeze"}]}',
    "Semantic Scholar JSON": '[{"paperId": "x", "title": "Lakes freeze"}]',
}


@pytest.mark.parametrize("name", NOT_READ)
def test_format_not_read_is_named(name: str) -> None:
    said = re.escape(f"the file is {name.partition(', ')[0]}, which digestd does not read; export it")
    with pytest.raises(SourceFailed, match=said):
        read(NOT_READ[name])


RECORDS = [
    "XA - Lakes freeze\nXB - They do.\nXC - 2026\n",
    "Title: Lakes freeze\nAuthors: Rue, Ann\nYear: 2026\nAbstract: They do.\n",
    "[1] Rue, A. Lakes freeze. 2026.\n[2] Rue, A. Ponds freeze. 2025.\n[3] Rue, A. Ice. 2024.\n",
    "%Z one\n%Y two\n%Q three\n",
    "Rue, A., & Li, B. (2026). Lakes freeze.\nLake Journal, 12(3), 45-67.\n",
    "A. Rue, B. Li, Lakes freeze, Lake Journal 12 (2026)\n45-67.\n",
    '"TITLE","Lakes freeze"\n"AUTHOR NAMES","Rue A."\n"SOURCE","Lakes (2026)"\n',
    "ty  - JOUR\nti  - Lakes freeze\ner  - \n",
    "- [Lakes freeze](https://doi.org/10.5555/1)\n- [Ponds](https://doi.org/10.5555/2)\n",
    "ann:x:10:10:Ann Rue:/home/ann:/bin/sh\nbo:x:11:11::/home/bo:/bin/sh\nlp:x:7:7:lp:/var/lp:/bin/false\n",
    "--AU-- Rue, A.\n--TI-- Lakes freeze\n--YP-- 2026\n",
]


@pytest.mark.parametrize("text", RECORDS)
def test_record_is_no_pasted_abstract(text: str) -> None:
    with pytest.raises(SourceFailed, match="a list of records in an unknown format"):
        read(text)
    page = read(f"Lakes freeze\nThey do.\n\n{text}")
    assert len(page.sightings) == 1
    assert "export it as BibTeX or RIS" in page.rejects[0].message


@pytest.mark.parametrize(
    "text",
    [
        "<i>Drosophila</i> lakes freeze\nThey do.",
        "A. thaliana, a plant by the lake\nIt was seen in 2019.",
        "<p>Lakes freeze</p>\n<p>They do.</p>",
        "Lakes freeze\nIn 2019 ice came.\nIn 2020 it went.\n10 lakes froze.\nA1 is a pond.",
        "Lakes,ponds and seas\nThey do, and, and, and.",
        "2,3,7,8-Tetrachlorodibenzodioxin in lakes\nThey found 1,2-dichloroethane, ice, snow, and water.",
        "Lakes; ponds; seas\nIce; snow; water.",
        "Title and author, a study\nBackground: ice.\nMethods: winter.\nResults: 1.",
    ],
)
def test_prose_is_a_pasted_abstract(text: str) -> None:
    assert len(read(text).sightings) == 1


def test_reference_file_reads_utf_16() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        body = SAMPLES["bibtex"].encode(encoding)
        assert ReferenceFile().parse(body).sightings[0].words.title == "Lakes freeze"
    assert ReferenceFile().parse("Lakes freeze\r\nThey do.".encode("utf-16")).sightings[0].words.title == "Lakes freeze"
