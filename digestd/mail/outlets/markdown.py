"""Write papers as Markdown (CommonMark 0.31.2), for notes and wikis."""

import re
from collections.abc import Iterator

from digestd.mail.outlets.outlet import ListedPaper, PaperList
from digestd.text.sanitise import clean, safe_url

_AUTHORS_MAX = 6
_MARKS = re.compile(r"[\\`*_\[\]<>#|~^$&@=]|^[-+]|(?<=:)//|(?<=\bwww)\.")
"""Text that CommonMark or a common extension reads as markup: anywhere, at the start of a block, or in a bare URL."""
_LIST = re.compile(r"^(\d{1,9})([.)])")


def markdown(papers: PaperList) -> bytes:
    """Return a heading per paper, with authors, the reason, tags and note, the gist, the abstract and links."""
    title = f"# {_plain(papers.title)}"
    heading = [title, f"<{home}>"] if (home := safe_url(papers.home)) else [title]
    blocks = [*heading, *(block for number, item in enumerate(papers.items, 1) for block in _paper(number, item))]
    return ("\n\n".join(blocks) + "\n").encode("utf-8", "replace")


def _paper(number: int, item: ListedPaper) -> Iterator[str]:
    paper = item.paper
    title, url = _plain(paper.title) or "…", paper.page
    yield f"## {number}\\. {_link(title, url)}"
    if facts := _facts(item):
        yield facts
    if why := _plain(item.why):
        yield f"> {why}"
    if item.tags:
        yield " ".join(f"#{_plain(tag.replace(' ', '-'))}" for tag in item.tags)
    yield from filter(None, map(_plain, item.note.splitlines()))
    if gist := _plain(item.gist):
        yield gist
    if abstract := _plain(paper.abstract):
        yield abstract
    links = {"PDF": paper.link("pdf"), "Code": paper.link("code"), "": paper.link("discussion")}
    known = {label: link for label, link in links.items() if link and link != url}
    if known:
        yield " · ".join(_link(label, link) if label else f"<{link}>" for label, link in known.items())


def _facts(item: ListedPaper) -> str:
    """Return authors, categories and the day of publication on one line."""
    paper = item.paper
    authors = ", ".join(map(_plain, paper.authors[:_AUTHORS_MAX])) + (", …" if len(paper.people) > _AUTHORS_MAX else "")
    categories = ", ".join(map(_plain, paper.codes))
    return " · ".join(part for part in (authors, categories, f"{paper.dated:%Y-%m-%d}") if part)


def _link(text: str, url: str) -> str:
    """Return a link. Angle brackets make every URL that `safe_url` lets pass a destination."""
    return f"[{text}](<{url}>)" if url else text


def _plain(text: str) -> str:
    return _LIST.sub(r"\1\\\2", _MARKS.sub(r"\\\g<0>", clean(text)))
