"""Write papers as RIS, for reference managers.

A line is a tag, two spaces, a dash and a value (https://refdb.sourceforge.net/manual-0.9.6/sect1-ris-format.html).
"""

from collections.abc import Iterable

from digestd.mail.outlets.outlet import PaperList
from digestd.mail.paper_view import PaperView
from digestd.text.people import family_first
from digestd.text.sanitise import clean


def ris(papers: PaperList) -> bytes:
    """Return one record per paper, `UNPB` for preprints. Lines end with CRLF."""
    lines = (f"{tag}  - {value}\r\n" for item in papers.items for tag, value in _ris_record(item.paper))
    return "".join(lines).encode("utf-8", "replace")


def _ris_record(paper: PaperView) -> Iterable[tuple[str, str]]:
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
    yield from (("KW", name) for name in paper.codes)
    if paper.abstract:
        yield "AB", paper.abstract
    yield "ER", ""
