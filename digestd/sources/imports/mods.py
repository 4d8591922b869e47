"""MODS 3 of library catalogues: https://www.loc.gov/standards/mods/userguide/generalapp.html."""

import re
from xml.etree.ElementTree import Element

from digestd.domain.paper import PaperId, Sighting
from digestd.sources.dates import written_date
from digestd.sources.dois import find_doi
from digestd.sources.imports.identifiers import find_noted_doi, make_reference, parse_identifier
from digestd.sources.imports.xml_records import read_xml, root_name
from digestd.sources.names import natural_name
from digestd.sources.source import Page
from digestd.sources.titles import with_subtitle
from digestd.sources.xml_elements import text_of

_NS = "{http://www.loc.gov/mods/v3}"
_NO_AUTHORS = frozenset({
    "edt", "editor", "trl", "translator", "pbl", "publisher", "ths", "dgs", "dgg", "rev", "reviewer", "hst",
    "host", "spn", "sponsor", "fnd", "funder", "ill", "illustrator", "ctb", "contributor", "dnr", "donor",
    "own", "owner", "prt", "printer", "rcp", "recipient", "addressee", "sec", "secretary", "com", "compiler",
})  # fmt: skip
"""MARC relators, as codes and terms (https://www.loc.gov/marc/relators/), of people who did not write the work."""
_NOTE = re.compile(r"(?<!\s)\s*\[[^\[\]]*\]|(?<=\w{3})\.$")
_DATES = ("dateIssued", "dateCreated", "copyrightDate", "dateOther", "dateCaptured")


def matches(text: str) -> bool:
    """Return True if the root element is one of MODS."""
    return root_name(text) in {"mods", "modsCollection"}


def read(text: str) -> Page:
    """Parse the records. Raises SourceFailed if there are none."""
    return read_xml(text, frozenset({f"{_NS}mods", f"{_NS}modsCollection"}), f"{_NS}mods", _sighting, "MODS")


def _sighting(record: Element) -> Sighting:
    host = record.find(f"{_NS}relatedItem[@type='host']")
    authors = [name for part in record.iterfind(f"{_NS}name") if (name := _author(part))]
    return make_reference(
        _title(record),
        text_of(record.find(f"{_NS}abstract")),
        authors,
        [
            _title(host) if host is not None else "",
            *(text_of(topic) for topic in record.iterfind(f"{_NS}subject/{_NS}topic")),
        ],
        _ids(record),
        next((day for text in _written_dates(record, host) if (day := written_date(text))), None),
    )


def _title(record: Element) -> str:
    """Return the title proper: article, title, part and subtitle."""
    found = next((one for one in record.iterfind(f"{_NS}titleInfo") if not one.get("type")), None)
    if found is None:
        found = record.find(f"{_NS}titleInfo")
    if found is None:
        return ""
    article = text_of(found.find(f"{_NS}nonSort"))
    space = "" if article.endswith(("'", "’", "-")) else " "
    title = f"{article}{space}{text_of(found.find(f'{_NS}title'))}".strip().removesuffix(":")
    return with_subtitle(title, text_of(found.find(f"{_NS}subTitle")))


def _author(name: Element) -> str:
    """Return the name of an author, or "" for another role."""
    roles = {text_of(role).lower().rstrip(".") for role in name.iterfind(f"{_NS}role/{_NS}roleTerm")}
    if roles & _NO_AUTHORS or name.get("type") == "conference":
        return ""
    parts = [(part.get("type") or "", _NOTE.sub("", text_of(part))) for part in name.iterfind(f"{_NS}namePart")]
    given = [text for kind, text in parts if kind == "given"]
    family = [text for kind, text in parts if kind == "family"]
    whole = " ".join(text for kind, text in parts if not kind)
    if family or given:
        return " ".join([*given, *family])
    return whole if name.get("type") == "corporate" else natural_name(whole)


def _ids(record: Element) -> list[PaperId | None]:
    own = [(one.get("type") or "", text_of(one)) for one in record.iterfind(f"{_NS}identifier")]
    addresses = [text_of(url) for url in record.iterfind(f"{_NS}location/{_NS}url")]
    return [
        *(find_doi(text) for kind, text in own if kind.lower() == "doi"),
        *(parse_identifier(text) or find_noted_doi(text) for kind, text in own if kind.lower() != "doi"),
        *(parse_identifier(address) for address in addresses),
    ]


def _written_dates(record: Element, host: Element | None) -> list[str]:
    found = [text_of(day) for kind in _DATES for day in record.iterfind(f"{_NS}originInfo/{_NS}{kind}")]
    found += [text_of(day) for day in record.iterfind(f"{_NS}part/{_NS}date")]
    if host is not None:
        found += [text_of(day) for day in host.iterfind(f"{_NS}part/{_NS}date")]
        found += [text_of(day) for kind in _DATES for day in host.iterfind(f"{_NS}originInfo/{_NS}{kind}")]
    return found
