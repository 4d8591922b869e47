"""Export papers for reference managers, as BibTeX and RIS.

BibTeX counts braces even after a backslash, so a brace in a title is written as a command. A RIS line is a tag, two
spaces, a dash and a value (https://refdb.sourceforge.net/manual-0.9.6/sect1-ris-format.html).
"""

import re
from collections.abc import Iterable

from digestd.domain.paper import Paper
from digestd.domain.sanitise import clean, safe_url

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
_SUFFIXES = frozenset(["jr", "jr.", "sr", "sr.", "ii", "iii", "iv"])


def bibtex(papers: Iterable[Paper]) -> str:
    """Return one BibTeX entry per paper, `misc` for preprints.

    Keys are identifiers, numbered if equal.
    """
    taken: set[str] = set()
    return "\n".join(_bibtex_entry(paper, _key(paper, taken)) for paper in papers)


def ris(papers: Iterable[Paper]) -> str:
    """Return one RIS record per paper, `UNPB` for preprints. Lines end with CRLF."""
    return "".join(f"{tag}  - {value}\r\n" for paper in papers for tag, value in _ris_record(paper))


def family_first(name: str) -> str:
    """Return `Ada van der Berg` as `van der Berg, Ada`.

    Names with a comma or of one word stay unchanged.
    """
    parts = clean(name).split()
    if "," in name or len(parts) < 2:
        return " ".join(parts)
    suffix = parts.pop() if parts[-1].lower() in _SUFFIXES and len(parts) > 2 else ""
    start = len(parts) - 1
    while start > 1 and parts[start - 1].islower():
        start -= 1
    return ", ".join(part for part in (" ".join(parts[start:]), suffix, " ".join(parts[:start])) if part)


def _key(paper: Paper, taken: set[str]) -> str:
    plain = _KEY.sub("-", paper.id.replace(":", "-", 1)).strip("-") or "paper"
    key, n = plain, 1
    while key.lower() in taken:
        key, n = f"{plain}-{n + 1}", n + 1
    taken.add(key.lower())
    return key


def _bibtex_entry(paper: Paper, key: str) -> str:
    scheme, _, value = paper.id.partition(":")
    fields = {
        "title": f"{{{_tex(paper.plain_title)}}}",
        "author": " and ".join(_author(name) for name in paper.words.authors if clean(name)),
        "year": f"{paper.published:%Y}",
        "month": f"{paper.published.month}",
        "eprint": value if scheme == "arxiv" else "",
        "archiveprefix": "arXiv" if scheme == "arxiv" else "",
        "doi": _plain(value) if scheme == "doi" else "",
        "url": _plain(safe_url(paper.url)),
        "keywords": ", ".join(_tex(name) for name in paper.words.categories),
        "abstract": _tex(paper.plain_abstract),
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


def _ris_record(paper: Paper) -> Iterable[tuple[str, str]]:
    scheme, _, value = paper.id.partition(":")
    yield "TY", "JOUR" if scheme == "doi" else "UNPB"
    yield "TI", clean(paper.plain_title)
    yield from (("AU", family_first(name)) for name in paper.words.authors if clean(name))
    yield "PY", f"{paper.published:%Y}"
    yield "DA", f"{paper.published:%Y/%m/%d}"
    if scheme == "doi":
        yield "DO", clean(value)
    elif scheme == "arxiv":
        yield "AN", f"arXiv:{clean(value)}"
    if url := safe_url(paper.url):
        yield "UR", url
    yield from (("KW", clean(name)) for name in paper.words.categories if clean(name))
    if abstract := clean(paper.plain_abstract):
        yield "AB", abstract
    yield "ER", ""
