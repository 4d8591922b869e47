"""Name the formats that are not read, so that none of their records is taken for a pasted abstract."""

import csv
import re

_XML_NAMES = {
    "RDF": "RDF",
    "html": "a web page",
    "doi_records": "Crossref XML",
    "crossref_result": "Crossref XML",
    "mets": "METS",
    "mods": "MODS",
    "modsCollection": "MODS",
    "file": "BibTeXML",
    "collection": "MARC XML",
    "record": "MARC XML",
    "Sources": "Word's bibliography",
    "CitaviExchangeData": "Citavi XML",
    "TEI": "TEI",
    "article": "JATS XML",
    "PubmedArticleSet": "PubMed XML",
    "records": "EndNote XML",
    "xml": "EndNote XML",
    "feed": "a feed",
    "rss": "a feed",
}
_ROOT = re.compile(
    r"(?>(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^<>\[\]]*>)*+)<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)", re.DOTALL
)
_PROSE = frozenset({"", "i", "b", "em", "strong", "sub", "sup", "p", "div", "span", "title"})
_IS_XML = re.compile(r"\s*<(?:\?xml|[A-Za-z][\w.-]*:[A-Za-z])")
_STARTS = {"{\\rtf": "RTF", "%PDF-": "PDF", "PT\tAU\t": "Web of Science's table, separated by tabs"}
_TEXT_NAMES = (
    (re.compile(r"\A\s*<!doctype (?:html|netscape)", re.IGNORECASE), "a web page"),
    (re.compile(r"\A\s*\\(?:documentclass|begin|bibitem)\b"), "LaTeX"),
    (re.compile(r"^cff-version:", re.MULTILINE), "CITATION.cff"),
    (re.compile(r"\A\s*\d{5}[a-z ]{2,4}.{1,3}22\d{5}"), "MARC"),
    (re.compile(r"\A\s*%(?:0 [A-Z]|[TA] \S.*\n%[A-Z0-9] )"), "EndNote's .enw"),
    (re.compile(r"\A\s*(?:FN [A-Z].*\nVR \d|PT [A-Z]\n(?:[A-Z][A-Z0-9] .*\n|[ \t].*\n){2})"), "Web of Science's text"),
    (re.compile(r"^PMID: \d+\b.*$", re.MULTILINE), "PubMed's text"),
    (re.compile(r"^ ?VN {1,2}- ?Ovid|\A\s*<\d+\.? ?>[ \t]*\n", re.MULTILINE), "Ovid's text"),
    (re.compile(r"\A\s*RT [A-Z][\w, /()-]+\n(?:[A-Z][A-Z0-9] .*\n){2}"), "RefWorks' text"),
    (
        re.compile(r"\A\s*(?:From \S+ .*\d|(?:(?:From|To|Subject|Date|Received|Message-ID|Reply-To): .*\n){2})"),
        "an e-mail",
    ),
)
_COLUMNS = frozenset({
    "title", "article title", "document title", "author", "authors", "author full names", "doi", "year", "abstract",
    "publication year", "item type", "journal", "source title", "journal/book", "pmid", "key", "url",
})  # fmt: skip
_COLUMNS_MIN, _NAME_MAX, _ROWS_SEEN = 3, 60, 10
_TABLES = (
    (re.compile(r"\A\W*About the data\b|\bDimensions URL\b|\bPubYear\b"), "Dimensions' table"),
    (re.compile(r"\bEmbase\b|\bEmtree\b|\A\W*TITLE\W{2,4}AUTHOR NAMES\b", re.IGNORECASE), "Embase's table"),
    (re.compile(r"\basreview|\b(?:label_)?included\b|\brecord_id\b"), "ASReview's table"),
    (re.compile(r"\bAuthor\(s\) ID\b|\bEID\b"), "Scopus' table"),
)
_CELL = r'(?:"[\w .()/#-]{0,60}"|[\w./#-]{0,40})'
_LINE_MAX = 5_000
_ORCID = {"activities-summary", "works", "group", "bulk"}
_BINARY_NAMES = (
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "a ZIP archive or Word document"),
    (b"\xd0\xcf\x11\xe0", "an old Word document"),
    (b"\x1f\x8b", "a gzip archive"),
)
_TAGGED = re.compile(
    r"(?:[a-z]{2}  -|-{0,3}[A-Z][A-Z0-9]{1,3} {0,3}[-~|:]{1,2} ?\S|%[A-Z0-9] \S"
    r"|[A-Z][A-Z0-9] {1,3}\S|[=$:\\]?\d{3}[ =]\S)"
)
_LABELLED = re.compile(
    r"\s*\W{0,3}(?:title|authors?|abstract|doi|journal|year|date|keywords?|publisher|volume|issue|pages|issn|url|type"
    r"|source|pmid|categories|subjects?|accession number|publication (?:date|year|type))\W{0,3}\s*[:=]\s*\S"
    r"|\s*\"[A-Z][A-Z /-]{2,40}\"[,;\t]\"",
    re.IGNORECASE,
)
_CODED = re.compile(r"\s*[\w.-]+[:=]\S*[:=/]")
"""A line of settings, such as of /etc/passwd."""
_ENUMERATED = re.compile(r"\s*(?:\[?\d{1,4}[\].:)]|[-*•])\s+\S.*(?:\b(?:19|20)\d\d\b|\bdoi\b)", re.IGNORECASE)
_CITATION = re.compile(
    r"\W{0,4}[A-Z][\w’'-]{1,40}(?: [A-Z][\w’'-]{1,40})?, ?(?:[A-Z]\.[ -]?){1,4}.{0,600}?\(?\b(?:19|20)\d\d[a-z]?\b"
    r"|\W{0,4}(?:[A-Z]\. ?){1,3}[A-Z][\w’'-]{1,40},.{0,600}?\b(?:19|20)\d\d\b"
)
_ADDRESS = re.compile(r"https?://|\b10\.\d{4,9}/")
_MANY, _LINES_SEEN = 3, 500


def root_name(text: str) -> str:
    """Return the name of the root element without its prefix, or "" if a text is no XML."""
    found = _ROOT.match(text[:4_000])
    return found[1] if found else ""


def text_name(text: str) -> str:
    """Return the name of the format of a text that holds no abstracts, or ""."""
    for start, name in _STARTS.items():
        if text.startswith(start):
            return name
    for form, name in _TEXT_NAMES:
        if form.search(text[:20_000]):
            return name
    if name := table_name(text):
        return name
    root = root_name(text)
    is_xml = _IS_XML.match(text) is not None or "xmlns" in text[:2_000] or _closes(text, root)
    return _XML_NAMES.get(root, f"XML (<{root[:40]}>)" if root and is_xml else "")


def table_name(text: str) -> str:
    """Return the name of a table, whose columns a line near the beginning names, or ""."""
    lines = [line[:_LINE_MAX] for line in text[:20_000].split("\n") if line.strip()][:_ROWS_SEEN]
    if not any(_is_header(line, lines[place:]) for place, line in enumerate(lines[:_MANY], start=1)):
        return ""
    return next((name for form, name in _TABLES if form.search("\n".join(lines[:_MANY]))), "a table")


def _is_header(line: str, below: list[str]) -> bool:
    """Return True if a line names columns: known ones, words without a blank, or as many as a row below has cells.

    Cells of prose begin with a blank, as after any comma.
    """
    cells = line.replace(";", ",").replace("\t", ",").split(",")
    known = sum(cell.strip(' "').lower() in _COLUMNS for cell in cells)
    if known >= _COLUMNS_MIN or re.fullmatch(rf"(?:{_CELL}([,;\t]))(?:{_CELL}\1){{2,}}{_CELL}", line):
        return True
    rows = [(_cells(line, sign), [_cells(row, sign) for row in below]) for sign in ",;\t"]
    return any(
        len(names) >= _COLUMNS_MIN
        and max(map(len, names)) <= _NAME_MAX
        and any(len(found) == len(names) for found in others)
        for names, others in rows
    )


def _cells(line: str, sign: str) -> list[str]:
    """Return the cells of a line, none if one of them begins with a blank."""
    found = next(csv.reader([line], delimiter=sign), [])
    return [] if any(cell.startswith(" ") for cell in found) else found


def _closes(text: str, root: str) -> bool:
    """Return True if a text ends with the end of its root element, and that is no markup of prose."""
    return (
        root.lower() not in _PROSE and re.search(rf"</(?:[\w.-]+:)?{re.escape(root)}\s*>\s*\Z", text[-200:]) is not None
    )


def binary_name(body: bytes) -> str:
    return next((name for start, name in _BINARY_NAMES if body.startswith(start)), "")


def json_name(found: object) -> str:
    """Return the name of the format of JSON that is no CSL-JSON, or ""."""
    first = found[0] if isinstance(found, list) and found else found
    if not isinstance(first, dict):
        return ""
    if _ORCID & first.keys():
        return "ORCID JSON"
    if isinstance(first.get("results"), list) or "authorships" in first:
        return "OpenAlex JSON"
    if "titles" in first or (isinstance(first.get("data"), dict) and "attributes" in first["data"]):
        return "DataCite JSON"
    return "Semantic Scholar JSON" if "paperId" in first else ""


def has_record_shape(lines: list[str]) -> bool:
    """Return True if lines are fields with tags or labels, settings, or a list of references or addresses."""
    lines = lines[:_LINES_SEEN]
    if lines and (_CITATION.match(lines[0]) or _ADDRESS.search(lines[0])):
        return True
    if len(lines) < _MANY:
        return False
    tagged = sum(_TAGGED.match(line) is not None for line in lines)
    labelled = sum(_LABELLED.match(line) is not None for line in lines)
    listed = sum(_ENUMERATED.match(line) is not None for line in lines)
    coded = sum(_CODED.match(line) is not None for line in lines)
    return labelled >= _MANY or max(tagged, listed, coded) >= max(_MANY, len(lines) // 2)


def remedy(name: str) -> str:
    return f"the file is {name}, which digestd does not read; export it as BibTeX, RIS or CSL-JSON"
