"""Test that a service's error message is quoted and harmless where it is shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.errors import SourceFailed
from digestd.sources import parse_source
from digestd.sources.source import QUOTED_MAX, quote_service

HOSTILE = "” digestd: your account is closed, see https://evil.example \x1b[31m\u202e\r\nSubject: x " + "x" * 500
ERRORS = {
    "dblp": ("dblp:lakes", {"result": {"status": {"@code": "500", "text": HOSTILE}}}),
    "Europe PMC": ("europepmc:lakes", {"errCode": 404, "errMsg": HOSTILE}),
    "HAL": ("hal:lakes", {"error": {"msg": HOSTILE}}),
    "OpenAlex": ("openalex:T1", {"error": "Invalid filter", "message": HOSTILE}),
    "PubMed": ("pubmed:lakes", {"error": HOSTILE}),
    "Zenodo": ("zenodo:lakes", {"status": 400, "message": HOSTILE}),
    "Semantic Scholar": ("s2-recommend:arxiv:2401.00001", {"error": HOSTILE}),
    "Hugging Face": ("hf-daily", {"error": HOSTILE}),
    "OpenReview": ("openreview:Lakes.example/2026/Conference", {"message": HOSTILE}),
    "Crossref": ("crossref:1234-5679", {"status": "failed", "message": [{"message": HOSTILE}]}),
    "bioRxiv": ("biorxiv:neuroscience", {"messages": [{"status": HOSTILE}], "collection": []}),
}
"""A source and an error in the form of its answers."""


def test_quote_service_names_service_and_quotes() -> None:
    assert quote_service("PubMed", "Search Backend\n failed") == "PubMed says: “Search Backend failed”"
    assert quote_service("PubMed", " \x00\u200b") == "PubMed gives no reason"
    assert quote_service("PubMed", "ice " * 999).endswith("ice…”")


@given(st.text(max_size=1000) | st.integers() | st.lists(st.text()))
def test_quote_service_is_one_short_visible_line(words: object) -> None:
    said = quote_service("PubMed", words)
    assert said.isprintable()
    assert len(said) < 2 * QUOTED_MAX
    assert "://" not in said
    if said != "PubMed gives no reason":
        quotation = said.removeprefix("PubMed says: ")
        assert (quotation[0], quotation[-1]) == ("“", "”")
        assert not {"“", "”"} & set(quotation[1:-1])


@pytest.mark.parametrize("service", ERRORS)
def test_source_error_is_quoted(service: str) -> None:
    spec, body = ERRORS[service]
    with pytest.raises(SourceFailed) as failed:
        parse_source(spec).parse(json.dumps(body).encode())
    said = str(failed.value)
    assert said.startswith(f"{service} says: “' digestd: your account")
    assert "x…”" in said
    assert said.isprintable()
    assert "https://evil" not in said
