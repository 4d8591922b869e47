"""Write papers as BibTeX, RIS and CSL-JSON, for reference managers.

BibTeX counts braces even after a backslash, so a brace in a title is written as a command. A line of RIS is a tag, two
spaces, a dash and a value (https://refdb.sourceforge.net/manual-0.9.6/sect1-ris-format.html). CSL-JSON is what Zotero,
Pandoc and citation processors read (https://docs.citationstyles.org/en/stable/specification.html, appendix IV).
"""

import json
import re
from collections.abc import Iterable

from digestd.mail.outlets.outlet import ListedPaper, PaperList
from digestd.mail.paper_view import PaperView
from digestd.text.people import family_first
from digestd.text.sanitise import clean

_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{char: f"\\{char}" for char in "$&%#_"},
}
_ESCAPES = str.maketrans(_TEX)
_KEY = re.compile(r"[^A-Za-z0-9.:/-]+")


def bibtex(papers: PaperList) -> bytes:
    """Return one entry per paper, `misc` for preprints. Keys are identifiers, numbered if equal."""
    taken: set[str] = set()
    entries = (_bibtex_entry(item, _key(item.paper, taken)) for item in papers.items)
    return "\n".join(entries).encode("utf-8", "replace")


def ris(papers: PaperList) -> bytes:
    """Return one record per paper, `UNPB` for preprints. Lines end with CRLF."""
    lines = (f"{tag}  - {value}\r\n" for item in papers.items for tag, value in _ris_record(item))
    return "".join(lines).encode("utf-8", "replace")


def _key(paper: PaperView, taken: set[str]) -> str:
    plain = _KEY.sub("-", paper.id.replace(":", "-", 1)).strip("-") or "paper"
    key, n = plain, 1
    while key.lower() in taken:
        key, n = f"{plain}-{n + 1}", n + 1
    taken.add(key.lower())
    return key


def csl(papers: PaperList) -> bytes:
    """Return one item per paper, `article` for preprints."""
    taken: set[str] = set()
    items = [_csl_item(item, _key(item.paper, taken)) for item in papers.items]
    return json.dumps(items, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _bibtex_entry(item: ListedPaper, key: str) -> str:
    paper = item.paper
    scheme, _, value = paper.id.partition(":")
    fields = {
        "title": f"{{{_tex(paper.title)}}}",
        "author": " and ".join(map(_author, paper.authors)),
        "year": f"{paper.dated:%Y}",
        "month": f"{paper.dated.month}",
        "eprint": value if scheme == "arxiv" else "",
        "archiveprefix": "arXiv" if scheme == "arxiv" else "",
        "doi": _plain(value) if scheme == "doi" else "",
        "url": _plain(paper.page),
        "keywords": ", ".join(map(_tex, item.keywords)),
        "abstract": _tex(paper.abstract),
        "annote": _tex(item.note),
    }
    lines = "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items() if text)
    return f"@{'article' if scheme == 'doi' else 'misc'}{{{key},\n{lines}}}\n"


def _author(name: str) -> str:
    """Return a name for BibTeX, in braces if it contains the separator `and`."""
    text = _tex(family_first(name))
    return f"{{{text}}}" if " and " in f" {text.lower()} " else text


def _tex(text: str) -> str:
    return clean(text).translate(_ESCAPES)


def _plain(value: str) -> str:
    """Percent-encode what would end a field in an identifier or URL (RFC 3986)."""
    return clean(value).replace("\\", "%5C").replace("{", "%7B").replace("}", "%7D")


def _ris_record(item: ListedPaper) -> Iterable[tuple[str, str]]:
    paper = item.paper
    scheme, _, value = paper.id.partition(":")
    yield "TY", "JOUR" if scheme == "doi" else "UNPB"
    yield "TI", paper.title
    yield from (("AU", family_first(name)) for name in paper.authors)
    yield "PY", f"{paper.dated:%Y}"
    yield "DA", f"{paper.dated:%Y/%m/%d}"
    if scheme == "doi":
        yield "DO", clean(value)
    elif scheme == "arxiv":
        yield "AN", f"arXiv:{clean(value)}"
    if paper.page:
        yield "UR", paper.page
    yield from (("KW", clean(name)) for name in item.keywords)
    if paper.abstract:
        yield "AB", paper.abstract
    if item.note:
        yield "N1", clean(item.note)
    yield "ER", ""


def _csl_item(item: ListedPaper, key: str) -> dict[str, object]:
    paper = item.paper
    scheme, _, value = paper.id.partition(":")
    fields = {
        "id": key,
        "type": "article-journal" if scheme == "doi" else "article",
        "title": paper.title,
        "author": [_csl_name(name) for name in paper.authors],
        "issued": {"date-parts": [[paper.dated.year, paper.dated.month, paper.dated.day]]},
        "DOI": clean(value) if scheme == "doi" else "",
        "number": f"arXiv:{clean(value)}" if scheme == "arxiv" else "",
        "URL": paper.page,
        "keyword": ", ".join(map(clean, item.keywords)),
        "abstract": paper.abstract,
        "annote": clean(item.note),
    }
    return {name: field for name, field in fields.items() if field}


def _csl_name(name: str) -> dict[str, str]:
    family, *rest = family_first(name).split(", ")
    if not rest:
        return {"literal": family}
    suffix = {"suffix": rest[0]} if len(rest) > 1 else {}
    return {"family": family, "given": rest[-1], **suffix}
