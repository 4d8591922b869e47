"""Write papers as RIS, for reference managers.

A line is a tag, two spaces, a dash and a value (https://refdb.sourceforge.net/manual-0.9.6/sect1-ris-format.html).
"""

from collections.abc import Iterable

from digestd.domain.paper import Paper
from digestd.mail.outlets.outlet import PaperList
from digestd.text.people import family_first
from digestd.text.sanitise import clean, safe_url


def ris(papers: PaperList) -> bytes:
    """Return one record per paper, `UNPB` for preprints. Lines end with CRLF."""
    lines = (f"{tag}  - {value}\r\n" for item in papers.items for tag, value in _ris_record(item.paper))
    return "".join(lines).encode("utf-8", "replace")


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
