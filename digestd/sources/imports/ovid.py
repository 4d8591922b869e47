"""Ovid, tagged: https://ospguides.ovid.com/OSPguides/medline.htm and the guides of its other databases.

Records are numbered `<1. >` or begin with `VN`. Authors carry degrees, roles and the numbers of their institutions;
titles end with their kind in brackets.
"""

import re

from digestd.domain.paper import TITLE_MAX, Sighting
from digestd.sources.dates import written_date
from digestd.sources.dois import find_doi
from digestd.sources.imports.identifiers import find_noted_doi, make_reference
from digestd.sources.imports.tagged import Record, TaggedFormat
from digestd.sources.names import indexed_name
from digestd.sources.pubmed_article import plain_title

_NAME_MAX = 500
_KIND = re.compile(r"\.?(?<!\s)\s+\[[A-Z][A-Za-z, -]{2,40}\.?\]\.?$")
_ROLE = re.compile(r"(?<!\s)\s*[\[{][^\[\]{}]*[\]}]")
_MARKS = re.compile(r"(?:[\s,]+(?:\(?\d+\)?|[*+#&|^~]+|\[[^\]]*\]))+$")
_DEGREE = (
    r"(?:Ph\.?\s?D|M\.?\s?D|D\.?\s?Phil|[BM]\.?\s?Sc|M\.?P\.?H|M\.?[SA]|B\.?[SA]|R\.?N|D\.?[OC]|Dr|M\.?B\.?B\.?S|FACSM)"
)
_DEGREES = re.compile(rf"(?:[\s,]+{_DEGREE}\.?)+$|\s+{_DEGREE}\.?,.*$")


def _sighting(record: Record) -> Sighting:
    dates = (written_date(value) for tag in ("DP", "YR", "EP", "SO", "DG") for value in record.values(tag))
    return make_reference(
        plain_title(_KIND.sub("", record.first("TI", "OT")[:TITLE_MAX])),
        record.first("AB"),
        [_name(name) for name in record.lines("FA") or record.lines("AU")],
        [record.first("JN", "JT"), *re.split(r"[;,]\s+", record.first("KW"))],
        [*(find_doi(value) for value in record.values("DI", "DO")), find_noted_doi(record.first("SO"))],
        next((found for found in dates if found), None),
    )


def _name(written: str) -> str:
    bare = _MARKS.sub("", _ROLE.sub("", written[:_NAME_MAX])).strip(" ,.;")
    last, comma, given = bare.partition(",")
    return indexed_name(f"{last}{comma}{_DEGREES.sub('', given)}" if comma else bare)


FORMAT = TaggedFormat(
    label="Ovid",
    example="VN  - Ovid Technologies",
    start=re.compile(r"^ ?(?:VN {1,2}- ?Ovid|<\d+\. ?>[ \t]*\n ?[A-Z][A-Z0-9] {1,2}-)", re.MULTILINE),
    tag=re.compile(r" ?(<|[A-Z][A-Z0-9](?= {1,2}-))(?:\d+\. ?>| {1,2}- ?(.*))?$"),
    begins=frozenset({"VN"}),
    ends=frozenset({"<"}),
    sighting=_sighting,
)
