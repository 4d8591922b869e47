"""A BibTeX or BibLaTeX file: `bibtex:/data/papers.bib`.

Parsed by bibtexparser 2 (https://bibtexparser.readthedocs.io/): good entries are stored, broken ones
rejected. Accents are decoded and braces removed; mathematics stays TeX. An entry inherits date and journal
from its `crossref`. Volumes of proceedings are skipped. A field that cannot be parsed is ignored; of repeated fields
the first counts.
"""

import logging
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bibtexparser.entrypoint import parse_string
from bibtexparser.library import Library
from bibtexparser.middlewares.names import parse_single_name_into_parts, split_multiple_persons_names
from bibtexparser.middlewares.parsestack import default_parse_stack
from bibtexparser.model import Block, Entry, ParsingFailedBlock, String
from pylatexenc.latex2text import LatexNodes2Text

from digestd.domain.paper import PaperId, Sighting, Words, arxiv_id
from digestd.errors import SourceFailed
from digestd.sources.dates import midnight, written_date
from digestd.sources.identifiers import doi_in_address, find_doi, title_hash_id, unique_ids
from digestd.sources.source import (
    FileSource,
    Page,
    Reject,
    counted,
    make_words,
    reject_of,
    web_url,
    with_subtitle,
)
from digestd.text.people import is_others, with_letters

_FIELD_MAX = 50_000
_INHERITED = ("date", "year", "month", "journal", "journaltitle", "booktitle")
_VOLUMES = frozenset({"proceedings", "mvproceedings", "collection", "mvcollection", "periodical"})
_JOURNALS = ("journaltitle", "journal", "booktitle")
_IN_JOURNAL = re.compile(r"(?:arxiv:|\babs/)\s*(\d{4}\.\d{4,5}|[a-z-]+/\d{7})", re.IGNORECASE)
_TEX = frozenset("\\{}~")
_MATHS = re.compile(r"((?<!\\)\$[^$]*(?<!\\)\$)")
_OPERAND = r"\"([^\"]*)\"|\{((?:[^{}]|\{[^{}]*\})*)\}|([\w:.-]+)"
_PART = re.compile(_OPERAND)
_JOINED = re.compile(rf"(?>{_OPERAND})(?:\s*#\s*(?>{_OPERAND}))+")
_NO_COMMA = re.compile(r"\{((?:[^{}]|\{[^{}]*\})*)\}[ \t\r]*\n\s*([A-Za-z][\w-]*)\s*=\s*(\{.*)", re.DOTALL)
_NEXT_IN_TEX = re.compile(r"(?<=\sand)(\s+)(?=\\)", re.IGNORECASE)
_COMMENT_SIGN = re.compile(r"(?<!\\)%")
_ESCAPED = re.compile(r"\\([%&#_])")
_WITHOUT_TEX = re.compile(r"(?<=\s)[^\\{}~\s]+\s([^\\{}~]{20,}\s)")
"""A run of words, after the first one, which a command before it may take as its argument."""
_LIGATURES = {"~": " ", "---": "—", "--": "–", "``": "“", "''": "”"}
_LIGATURE = re.compile("|".join(_LIGATURES))
_DECODER = LatexNodes2Text(math_mode="verbatim")

logging.getLogger("bibtexparser").addHandler(logging.NullHandler())
logging.getLogger("bibtexparser").propagate = False  # what it logs is said in the rejects


@dataclass(frozen=True, slots=True)
class BibtexFile(FileSource):
    """A file of references, read from disk by the fetcher."""

    kind = "bibtex"

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse every entry; reject those that cannot be parsed and keep the others."""
        del cursor
        return read_entries(body, needs_title=True)


def read_entries(body: bytes, *, needs_title: bool) -> Page:
    """Return the papers of a file.

    Unless it needs a title, an entry with an identifier alone is a paper.

    Raises SourceFailed if there are no entries.
    """
    blocks = _blocks(body)
    entries = [block for block in blocks if isinstance(block, Entry)]
    strings = {block.key.lower(): _whole(block) for block in blocks if isinstance(block, String)}
    by_key = {entry.key.lower(): _fields(entry, strings) for entry in reversed(entries)}
    sightings: list[Sighting] = []
    rejects: list[Reject] = []
    for block in counted(blocks):
        try:
            if isinstance(block, Entry) and block.entry_type.lower() not in _VOLUMES:
                sightings.append(_sighting(_inherited(_fields(block, strings), by_key), needs_title))
            elif isinstance(block, ParsingFailedBlock):
                rejects.append(_failed(block))
        except Exception as error:  # one odd entry hides no other
            rejects.append(reject_of(_where(block), error))
    if body.strip() and not entries and not rejects:
        raise SourceFailed("the file holds no BibTeX entry, as in @article{key, title = {…}}")
    return Page(tuple(sightings), None, tuple(rejects))


def _blocks(body: bytes) -> list[Block]:
    """Return the blocks of a file in order. Entries with a repeated key are kept."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceFailed(f"the file is not UTF-8 (at byte {error.start}); convert it first") from error
    try:
        blocks = parse_string(text).blocks
    except Exception as error:
        # the splitter stumbles over its own input in ways nobody has listed
        raise SourceFailed(f"the file cannot be read as BibTeX ({type(error).__name__}: {str(error)[:100]})") from error
    return _with_repeated(blocks)


def _with_repeated(blocks: list[Block]) -> list[Block]:
    """Return the blocks, with the entries that bibtexparser sets aside because a key or field is repeated."""
    repeated = {
        place: block.ignore_error_block
        for place, block in enumerate(blocks)
        if isinstance(block, ParsingFailedBlock) and isinstance(block.ignore_error_block, Entry)
    }
    keys = [entry.key for entry in repeated.values()]
    for number, entry in enumerate(repeated.values()):
        entry.key = str(number)
    library = Library([*(block for block in blocks if isinstance(block, String)), *repeated.values()])
    for middleware in default_parse_stack():
        library = middleware.transform(library)
    for key, entry in zip(keys, library.entries, strict=True):
        entry.key = key
    found = dict(zip(repeated, library.entries, strict=True))
    return [found.get(place, block) for place, block in enumerate(blocks)]


def _failed(block: ParsingFailedBlock) -> Reject:
    message = " ".join(str(block.error).split(" Note: ")[0].split())[:200]
    return Reject(_where(block), "entry", f"{message or 'cannot be read'}; correct its braces, quotes and commas")


def _where(block: Block) -> str:
    key = re.match(r"\s*@\w+\s*[{(]\s*([^,\s{}]{1,60})", block.raw or "")
    line = (block.start_line or 0) + 1
    return f"{key[1]} (line {line})" if key else f"line {line}"


def _fields(entry: Entry, strings: Mapping[str, str]) -> dict[str, str]:
    """Return fields by lower-case name; the first of repeated fields counts.

    If the comma after a value is missing, bibtexparser returns the next field as a part of it. It returns values
    joined by `#` as they are written.
    """
    found: dict[str, str] = {}
    for field in entry.fields:
        key, value = field.key, str(field.value)[:_FIELD_MAX].strip()
        if "#" in value and _JOINED.fullmatch(value):
            value = "".join(_piece(part, strings) for part in _PART.finditer(value))
        while uncut := _NO_COMMA.match(value):
            found.setdefault(key.strip().lower(), uncut[1])
            key, value = uncut[2], uncut[3]
        found.setdefault(key.strip().lower(), value)
    return found


def _piece(part: re.Match[str], strings: Mapping[str, str]) -> str:
    """Return a part of a joined value: a text as it is, or what a name stands for."""
    return strings.get(part[3].lower(), part[3]) if part[3] else part[1] or part[2] or ""


def _whole(block: String) -> str:
    """Return the value of a `@string` with the blanks around it, which bibtexparser removes."""
    value = (block.raw or "").rstrip()[:-1].partition("=")[2].strip()
    return value[1:-1] if value[:1] + value[1:][-1:] in ('""', "{}") else str(block.value)


def _inherited(fields: dict[str, str], by_key: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    parent = by_key.get(fields.get("crossref", "").lower(), {})
    taken = {name: parent[name] for name in _INHERITED if name in parent}
    if parent.get("title"):
        taken.setdefault("booktitle", parent["title"])
    return {**taken, **fields}


def _sighting(fields: Mapping[str, str], needs_title: bool) -> Sighting:
    ids = unique_ids([_arxiv(fields, _journal(fields)), _doi(fields)])
    if ids and not needs_title and not fields.get("title"):
        return Sighting(ids, Words(""), _published(fields))
    keywords = _decoded(fields.get("keywords", "")).replace(";", ",").split(",")
    paper = make_words(
        with_subtitle(_decoded(fields.get("title", "")), _decoded(fields.get("subtitle", ""))),
        _decoded(fields.get("abstract", "")),
        _authors(fields.get("author", "")),
        [fields.get("primaryclass", ""), *keywords, _journal(fields)],
    )
    return Sighting(
        ids=ids or (title_hash_id(paper),),
        words=paper,
        published=_published(fields),
        url=web_url(_decoded(fields.get("url", ""))),
    )


def _journal(fields: Mapping[str, str]) -> str:
    return next((_decoded(fields[name]) for name in _JOURNALS if fields.get(name)), "")


def _arxiv(fields: Mapping[str, str], journal: str) -> PaperId | None:
    """Return the arXiv id: from `eprint`, else from the URL or the journal's name, where exports put it."""
    prefix = fields.get("archiveprefix") or fields.get("eprinttype") or "arxiv"
    if prefix.lower() == "arxiv" and (named := arxiv_id(fields.get("eprint", ""))):
        return named[0]
    if named := arxiv_id(fields.get("url", "")):
        return named[0]
    match = _IN_JOURNAL.search(f"{journal} {fields.get('volume', '')} {fields.get('howpublished', '')}"[:1_000])
    named = arxiv_id(match[1]) if match else None
    return named[0] if named else None


def _doi(fields: Mapping[str, str]) -> PaperId | None:
    """Return the DOI of `doi`, which may be an address, else of the URL."""
    written = re.sub(r"\\(?=[_%&#])|[{}]", "", fields.get("doi", ""))
    return find_doi(written) or doi_in_address(fields.get("url", ""))


def _published(fields: Mapping[str, str]) -> datetime | None:
    """Return BibLaTeX's `date`, else `year` and `month` (name or number); None if they are no date.

    The year is the first four digits, as in `{2020}`, `2020/2021` or `in press, 2020`.
    """
    year, month = fields.get("year", ""), fields.get("month", "").strip('{}". ')
    first = re.search(r"\d{4}", year)
    of_year = (f"{first[0]}-{month}" if month else year, first[0]) if first else ()
    found = next((day for text in (fields.get("date", ""), *of_year) if (day := written_date(text))), None)
    return midnight(found) if found else None


def _authors(written: str) -> list[str]:
    """Return names in reading order: `Last, Jr., First` becomes `First Last Jr.`

    bibtexparser loses a command with which a name after the first begins, so that an empty group is put before it, and
    takes the accent of `\\~n` for a tie, so that accents are decoded before.
    """
    found = []
    for name in split_multiple_persons_names(_NEXT_IN_TEX.sub(r"\1{}", written.strip(" ,;"))):
        parts = parse_single_name_into_parts(with_letters(name), strict=False)
        name_text = _decoded(" ".join([*parts.first, *parts.von, *parts.last, *parts.jr]))
        found += [] if is_others(name_text) else [name_text]
    return found


def _decoded(text: str) -> str:
    """Decode TeX accents and braces outside mathematics. Plain texts are returned at once, as decoding is slow."""
    if _TEX.isdisjoint(text):
        return text
    pieces = _MATHS.split(text)
    if any(piece.count("{") != piece.count("}") for piece in pieces[::2]):
        return _decode(text)
    return "".join(piece if place % 2 else _decode(piece) for place, piece in enumerate(pieces))


def _decode(text: str) -> str:
    """Decode a text without mathematics. pylatexenc takes 20 µs a letter, so it gets only what is near a command."""
    text = _ESCAPED.sub(r"\1", with_letters(text))
    pieces, start, depth = [], 0, 0
    for run in _WITHOUT_TEX.finditer(text):
        depth += text.count("{", start, run.start()) - text.count("}", start, run.start())
        if depth == 0:
            pieces += [_decode_piece(text[start : run.start(1)]), _decode_piece(run[1])]
            start = run.end()
    return "".join([*pieces, _decode_piece(text[start:])])


def _decode_piece(text: str) -> str:
    if "\\" not in text:
        text = unicodedata.normalize("NFC", text.replace("{", "").replace("}", ""))
        return _LIGATURE.sub(lambda found: _LIGATURES[found[0]], text)
    try:
        return str(_DECODER.latex_to_text(_COMMENT_SIGN.sub(r"\\%", text)))
    except Exception:
        # pylatexenc gives up on some nonsense in many ways; as it is written is better than nothing
        return text
